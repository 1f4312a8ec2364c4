"""The client asks for a person, or decides something that a person should be there for."""

from coaching.policies.context import not_denied
from coaching.policies.phrases import phrase, some

_KIND = (
    r"(?:(?:a|an|my|the|your|some|any|another|other|real|actual|live|living|human|proper|different"
    r"|one of your) ){0,4}"
)
_HUMAN = (
    r"(?:humans?(?! (?:resource|right|bod|error|develop|capital|nature|interact|being s))(?: being)?"
    r"|persons?|coach|agents?"
    r"|representatives?|rep|operators?|advis[oe]rs?|colleagues? of yours|supervisor|manager(?= *(?:$|[.!,]"
    r"|please))|staff"
    r"|customer (?:service|support)|support team|service desk)"
)
_SOMEBODY = (
    r"(?:someone|somebody|anyone|anybody)(?! (?:in|from|who|else s|elses))(?: (?:else|real|human|there))?"
)
_TARGET = rf"(?:{_KIND}{_HUMAN}|{_SOMEBODY})"
_TALK = r"(?:talk|speak|chat|write|escalate|talking|speaking|chatting)"
_WISH = (
    r"(?:i|we|id|please|pls|just|then|now|really|rather|instead|and|but|can|could|may|want|wants|would|wanna"
    r"|need|like|prefer|to|let|lemme|me|us|you|get|is it|possible|"
    r"how do|wish|able|be|have|try|trying|must|should|gotta|ok|okay|no|wrong|allow|for|it|possibility|chance"
    r"|way|there|any|a|want,)"
)

_THEN = some(3, r"please|just|now|rather|to|get to|actually|instead|maybe|have a")

ASKS_FOR_PERSON = phrase(
    "asks for a person",
    r"(?:want(?: to)?|wanna|need(?: to)?|like(?: to)?|prefer(?: to)?|rather|can (?:i|we)(?: please)?"
    r"|could (?:i|we)(?: please)?|may i|let me|lemme|please|possible to|able to|how (?:do|can|could) i"
    rf"|allow me to|way to|wish (?:to|i could)|trying to|chance to|just|^) {_THEN}{_TALK} (?:to"
    rf"|with) {_TARGET}",
    rf"{_TALK} (?:to|with) \w+,? my coach",
    rf"^(?:\w+[,.]? ){{0,2}}{_TALK} (?:to|with) {_TARGET}",
    r"(?:connect|transfer|put|hand|pass|switch|forward|redirect|escalate|link|route|refer|get"
    r"|patch)(?: (?:me|this|it|us|my (?:\w+ )?(?:question|case|call|issue)))? ?(?:over |through |on "
    rf"|in touch |back ){{0,4}}(?:to|with) {_TARGET}",
    r"(?:get|give|find|send|bring|fetch|call|show|assign|get me|need|want|prefer|would like|id like"
    r"|like to have|help (?:of|from)|looking for|ask for|asking for|request|requesting) (?:me |us |in "
    r"|to have |help from |the help of |hold of |to get |to see |to reach ){0,4}(?:a|an|my|the|some"
    r"|another) (?:real |actual |live |living |human |different ){0,4}(?:humans?(?! (?:resource|right|bod"
    r"|error"
    r"|develop|capital|nature|interact|rights))(?: being)?|real person|live person|actual person"
    r"|person to (?:talk|speak|help)|coach to (?:join|help|talk|step|look|answer|take)|human agent"
    r"|real agent|live agent|agent|operator|representative)",
    r"(?:get|call|fetch|ask|tell|notify|alert|contact|message|bring in|involve|loop in) my coach(?! (?:for"
    r"|to (?:give|be|let|slow|stop|teach)|about how))",
    r"(?:is there|are there|do you have|is) (?:also )?(?:a|an|any|some|my|anyone|anybody|someone"
    rf"|somebody)? ?{_KIND}(?:humans?|person|people|coach|agent|operator|representative|someone|somebody"
    r"|anyone|anybody) (?:i can|that i can|to (?:talk|speak|help)|available|there i|working|around|here)",
    r"(?:dont|do not|not|no longer|tired of|sick of|hate|stop|rather not|fed up with) (?:want to |like to "
    r"|wanna |like |to ){0,4}(?:talk|talking|speak|speaking|chat|chatting|be talking) (?:to|with) (?:a |an "
    r"|this |the |some |you,? ){0,4}(?:machine|bots?|robots?|ai|computer|chatbot|program|software|algorithm)",
    r"(?:real|live|human|actual) (?:agent|person|human|coach|operator|representative|advisor|adviser"
    r"|being)s? (?:please|now|here|instead)",
    r"(?:need|want|looking for|have|like) (?:to have )?(?:someone|somebody|anyone|a person"
    r"|a human) (?:real )?(?:to|i can) (?:talk|speak|chat)",
    r"who can i (?:talk|speak) to(?= *(?:$|[.!?,]))|(?:live|human|personal) support|can i have a (?:human"
    r"|person|coach)",
    r"(?:have|let) (?:my coach|a person|a human|someone real) (?:answer|call|reply|join|help|look|read"
    r"|write|respond)",
    r"(?:reach|contact|get hold of) my coach|(?:have|want|need) a (?:conversation|chat|word"
    r"|call) with (?:my|a) coach",
    r"(?:want|need) a (?:person|human)(?= *(?:$|[.!?,]))|not you,? an? (?:human|person)"
    r"|connect me to (?:one|someone)",
    r"to (?:a|another) human(?= *(?:$|[.!?,]))|(?:someone|somebody|anyone|anybody) real|service agent",
    r"human answer this|real one(?= *(?:$|[.!?]))",
    r"(?:need|want|miss) my coach|(?:discuss|talk|share|review|check) (?:\w+ ){0,3}with my coach|(?:human"
    r"|a persons) help|(?:can|could|may|will) (?:a|my|the|another) (?:real |human )?(?:human|person"
    r"|coach) (?:please )?(?:answer|have|look|join|help|step|read|see|take|call|check|come|reply|jump)",
    r"^(?:please |ok |no |a )?(?:real |live |human |actual )?(?:hand ?-?(?:off|over)|humans?|agent|operator"
    r"|representative|coach|real person|person|customer service|human agent|human handoff|live agent"
    r"|real human)(?: please| pls| now| instead)?(?=[.! ]{0,9}$)",
    stems="real|live support|personal support|who can i|to one|manager|my coach|human|person|people|coach"
    "|agent|representative| rep|operator|advis|supervisor|staff|someone"
    "|somebody|anyone|anybody|machine|bot| ai|computer|program|software|algorithm|handoff|hand off"
    "|handover|hand over|hand-o|customer|support team|service desk|colleague",
    before=not_denied,
    after=r"about (?:whom|which)|(?:in|from) (?:my|the|our) (?:school|district|department|office)"
    r"|who (?:speak|is|has|teach)",
)

_I = r"(?:i|im|ive|id|ill|we|should i|can i)"
_MAYBE = (
    r"(?:am|to|just|really|now|going|gonna|want|wanna|think|thinking|about|of|considering|consider|might"
    r"|should|will|would|could|have|had|decided|decide|ready|planning|plan|may|must|seriously|finally|rather"
    r"|like|feel|feeling|tempted|today|tomorrow|tonight|i|be|been|done|and|need|whether|if|for|actually"
    r"|probably)"
)

HIGH_STAKES = phrase(
    "a decision with large consequences",
    rf"{_I} {some(6, _MAYBE)}(?:quit|quitting|leave|leaving) (?:my (?:\w+ )?(?:job|post|position|role)"
    r"|teaching|the (?:teaching )?profession|this (?:job|school|profession)|the job|education)(?! (?:to"
    r"|for) (?:a|an|my|the) (?:substitute|sub|student|colleague|kids))",
    rf"{_I} {some(6, _MAYBE)}(?:quit|resign|resigning|quitting)(?= *(?:$|[.!?,;]|from|today|tomorrow"
    r"|tonight|now|because|this|right|over|before|or|and|as|at|mid))",
    r"(?:my (?:letter of )?resignation|hand(?:ing)? in my (?:notice|resignation)|(?:give|giving|gave|put"
    r"|putting) in (?:my )?(?:notice|resignation)|walk(?:ing)? out (?:right now|today|for good)"
    r"|resignation letter)",
    r"(?:sue|suing) (?:the|my|our|him|her|them|this) ?(?:school|district|principal|head|boss|parents?"
    r"|employer|union|board)?|(?:being|been|getting|get|be) sued",
    r"(?:file|filing|filed|lodge|lodging|bring|raise|raising) (?:a |an |my )?(?:\w+ )?(?:grievance|lawsuit"
    r"|complaint|legal claim) against|(?:take|taking|took|threaten\w*|pursue|begin|start\w*"
    r"|considering) (?:me |us |them |the \w+ |with ){0,4}(?:to court|to (?:a )?tribunal|legal action)|(?:hire"
    r"|hiring|need|get|call|calling|consult|see|contact|sue me|talk to|speak to) (?:a|my|an"
    r"|the) (?:\w+ )?(?:lawyer|attorney|solicitor)",
    r"(?:i|im|ive|ill) (?:\w+ )?(?:am |was |were |got |get |been |being |be |getting |going to be "
    r"|about to be |gonna be |)(?:fired|dismissed|suspended|laid off|non-?renewed|let go|sacked|terminated"
    r"|put on (?:administrative )?leave)",
    r"(?:fir(?:e|ing)|dismiss(?:ing)?|sack(?:ing)?|terminat(?:e|ing)) (?:him|her|them|(?:a|the|this|my|our"
    r"|one) (?:\w+ )?(?:teacher|colleague|assistant|aide|coach|employee|member of staff|staff member"
    r"|principal))(?! (?:up|question))",
    r"(?:expel(?:ling|led)?|exclud(?:e|ing) permanently|permanently exclud(?:e|ing)) (?:a |the |this |that "
    r"|my |our )?(?:\w+ )?(?:student|pupil|child|kid|boy|girl|him|her)",
    r"(?:should|must) (?:i|we) (?:\w+ )?report (?:this|it|that)|(?:should|must|do|can) (?:i"
    r"|we) (?:\w+ )?(?:report|call) (?:him|her|them|a (?:parent|colleague|teacher)|my (?:colleague"
    r"|principal)|the (?:parents?|family|father|mother)|cps|child protect\w*|social services|the police)"
    r"|(?:have|need|ought|obliged|required) to report (?:(?:\w+ ){0,3}(?:abuse|neglect)|(?:to )?cps"
    r"|(?:to )?child protect\w*|him|her|them|(?:a|my|the|his|her|their) (?:\w+ )?(?:parents?|family"
    r"|colleague|teacher))|call(?:ing)? (?:cps|child protective services|social services)",
    r"suspect (?:\w+ ){1,6}(?:being |been )(?:\w+ )?(?:neglected|abused|molested|mistreated)|(?:want|wants"
    r"|going|trying|threaten\w*|plan\w*|might|will|about|could|would) (?:to )?(?:fire|dismiss|sack"
    r"|suspend) me",
    r"(?:suspect(?:ed|ing|s)?|signs of|worried about|evidence of|disclos\w+|report(?:ing)?|allegations? of"
    r"|accus(?:ed|ing) (?:me )?of) (?:\w+ ){0,3}(?:(?:child|sexual|physical|domestic) abuse|abuse|neglect"
    r"|misconduct|molest\w+|grooming)|(?:accused|accusing|accuses) (?:me|us|my colleague)",
    r"(?:stop|stopping|come off|quit|skip|skipping|change|double|lower|halve"
    r"|go off) (?:taking )?my (?:\w+ )?(?:meds|medications?|medicine|antidepressants?|insulin|pills|dose"
    r"|prescription)|(?:i have|im having|having|ive got|i get) (?:\w+ )?chest pains?",
    stems="quit|leav|resign|notice|walk|sue|suing|griev|lawsuit|complain|legal|court|tribunal|lawyer"
    "|attorney|solicitor|fire|firing|dismiss|suspend|laid off|renewed|let go|sack|terminat|on leave"
    "|on administrative|expel|exclu|report|call|abuse|neglect|misconduct|molest|grooming|accus|meds"
    "|medic|antidepress|insulin|pills|dose|prescription|chest",
    before=not_denied,
    after=r"(?:from the (?:meeting|lesson|class|room)|early|on time|to (?:a|the|my) sub)",
)
