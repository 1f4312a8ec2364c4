"""Somebody else may be in danger, or somebody is a danger to the writer or to others.

A school must act on "a student told me she wants to die" although the writer is safe. The phrases ask for a
person who is near the writer; "students who discuss suicide in literature class" and questions about history
or novels are lessons, not alarms.
"""

from coaching.policies.context import not_denied
from coaching.policies.phrases import phrase, some

_WHO = (
    r"(?:students?|pupils?|kids?|child|children|teens?|teenagers?|boys?|girls?|learners?|(?:\w+ )?graders?"
    r"|\d\w* graders?|sophomore|freshman|junior|senior"
    r"|colleagues?|co-?workers?|friends?|teachers?|mother|mom|mum|father|dad|parent|brother|sister|son"
    r"|daughter|husband|wife"
    r"|partner|boyfriend|girlfriend|roommate|classmate|coachee|mentee|cousin|nephew|niece|boss|principal)"
)
_NEAR = (
    r"(?:my|our|a|an|one of my|one of our|one of the|another|this|that|the|his|her|somebody"
    rf"|someone) (?:[\w-]+ ){{0,2}}{_WHO}(?: (?:of|in|from)(?: [\w-]+){{1,3}})?"
)
_ADULT = (
    r"(?:(?:step)?(?:father|dad|mother|mom|mum|parents?)|uncle|boyfriend|husband|partner|guardian|teacher"
    r"|colleague|coach)"
)
_THEY = r"(?:he|she|they|hes|shes|theyre|someone|somebody|who)"
_FILL = (
    r"(?:has|have|had|is|are|was|were|be|been|being|might|may|could|would|will|to|that|who|which|told|tells"
    r"|telling|says|said|saying|me|us|just|really|still"
    r"|often|always|keeps|kept|today|yesterday|recently|now|he|she|they|hes|shes|theyre|hed|shed|theyd|i|we"
    r"|think|thinks|thinking|thought|feel|feels|feeling"
    r"|felt|seems|so|very|about|of|on|wants?|wanted|wanting|trying|tried|tries|going|gonna|plans?|planning"
    r"|planned|threatens?|threatened|threatening|talks?|talked"
    r"|talking|writes?|wrote|writing|written|mentions?|mentioned|posts?|posted|jokes?|joked|joking|texts?"
    r"|texted|admitted|confided|disclosed|wishes|her|him|them|with|in|an|a|the|my"
    r"|essay|journal|email|note|message|class|chat|confessed|started|and|it|like|hate|hates|life|say|days"
    r"|drew|drawn|emailed|goodbye|started|become|became|some"
    r"|having|both|as|if|s|best|could|get|getting|mom|dad|mother|father|sister|brother)"
)
_SELVES = r"(?:him|her|them|their)(?:self|selves)"
_OWN = r"(?:his|her|their) (?:own )?li(?:fe|ves)"
_DEATH = (
    rf"(?:(?:kill|hurt|harm|cut|hang|injur|starv|unaliv)(?:s|ed|e|ing|ting)? {_SELVES}|(?:end|ending|take"
    rf"|taking|took) {_OWN}"
    r"|(?:wants?|wanted|wanting|wishes|ready|going|plans?) to (?:die|be dead|disappear)|suicidal|(?:commit"
    r"|commits|committed|committing|attempt|attempts|attempted|attempting) suicide"
    r"|suicid\w* (?:thoughts?|note|plan|attempt|threats?|ideation)|(?:about|of|considering"
    r"|contemplating) (?:committing )?suicide|died by suicide|rather (?:die|be dead)|goodbye forever"
    r"|(?:himself|herself|themself|themselves) hanging"
    r"|(?:does|do|did)(?:nt| not) want to (?:live|be alive|be here any ?more|wake up)|wish(?:es|ed)? (?:he"
    r"|she|they) (?:was|were) dead|self-?harm(?:s|ed|ing)?|cutting|overdosed?)"
)

SOMEBODY_ELSE = phrase(
    "somebody else in danger",
    rf"{_NEAR},? {some(9, _FILL)}{_DEATH}",
    rf"(?:my|our|a|this|the|another) (?:\w+ )?suicidal {_WHO}",
    rf"{_THEY} {some(5, _FILL)}(?:told|tells|texted|wrote|says|said|mentioned|confided|admitted|threatened"
    rf"|threatens) {some(6, _FILL)}{_DEATH}",
    r"(?:he|she|they) (?:\w+ )?(?:hurts|harms|cuts|is (?:hurting|harming|cutting)|(?:has"
    rf"|have) been (?:hurting|harming|cutting)) {_SELVES}",
    stems="self|selves| life| lives| die|dead|suicid|harm|cutting|overdos|to live|alive|disappear|forever"
    "|be here|wake up",
    before=not_denied,
    after=r"bomb\w*|attacks?|when i was|(?:a few |some |many |\w+ )?(?:years|decades) (?:ago|back)"
    r"|in (?:his|her|their) \d|prevention|awareness|rates?|in (?:the |a |an )?(?:literature|novels?"
    r"|books?|films?|plays?|shakespeare|the text|chapter)|(?:corners?|up|out|and pasting|the|class"
    r"|costs?|edge)",
    unless=r"romeo|juliet|hamlet|ophelia|macbeth|protagonist|character|othello|plath|werther|the novel"
    r"|act (?:one|two|three|four|five|[1-5])",
)

EMERGENCY = phrase(
    "a medical emergency",
    rf"(?:{_NEAR}|he|she|they|i|im|ive|somebody|someone) {some(4, _FILL)}(?:not breathing|stopped breathing"
    r"|cant breathe|unconscious|collapsed|having (?:a seizure|a heart attack|a stroke)|anaphyla\w+"
    r"|overdosed|bleeding (?:badly|heavily|out))",
    stems="breath|unconscious|collapsed|having a|anaphyla|overdos|bleeding",
)

VIOLENCE = phrase(
    "violence or danger",
    r"(?:i|im|ill|hes|shes|theyre|he is|she is|they are|is|are|was|were) (?:\w+ )?(?:going to|gonna|will"
    r"|about to|planning to|plans? to|want to|wants to|threatening to|threatened to) (?:kill|shoot|stab"
    r"|murder|strangle|beat up) (?:him|her|them|someone|somebody|people|everyone|everybody|my \w+|the \w+"
    r"|a (?:student|teacher|kid|child))",
    r"(?:i|im|ill|he|she|hes|shes) (?:\w+ )?(?:going to|gonna|want to|wants to|plan to|plans to"
    r"|planning to) hurt (?:him|her|them|someone|somebody|people)(?! (?:feelings|confidence))",
    r"(?:want|wanna|going|plan\w*|threat\w*|talk\w*|jok\w*) (?:\w+ ){0,3}(?:shoot(?:ing)? up"
    r"|blow(?:ing)? up|bomb(?:ing)?) (?:the|my|our|this|his|her|their|a) (?:\w+ )?school",
    r"threat(?:en|ens|ened|ening) (?:to|me with|us with|him with|her with|them with) (?:\w+ ){0,2}(?:kill"
    r"|shoot|stab|hurt|a (?:gun|knife|weapon))",
    r"(?:brought|brings|bringing|has|have|carrying|carries|with|found|had|got) (?:\w+ )?(?:a|the|his|her"
    r"|their) (?:\w+ )?(?:gun|handgun|firearm|knife|weapon|pistol) (?:\w+ ){0,2}(?:to|at|in|into"
    r"|on) (?:\w+ )?(?:school|class|classroom|campus|backpack|bag|locker|lesson)",
    r"(?:he|she|they|my (?:ex|husband|wife|partner|boyfriend|girlfriend|father|mother|dad|mom|mum"
    r"|stepfather|stepdad|stepmother|brother|son)) (?:just |still |always |sometimes |often |has "
    r"|even )?(?:hits?|beats?|chok(?:es|ed)|punch(?:es|ed)|slapp?(?:s|ed)|hurts?|rap(?:es|ed)|abus(?:es|ed)"
    r"|molest(?:s|ed)|strangl(?:es|ed)|assault(?:s|ed)) me",
    r"(?:husband|wife|partner|boyfriend|girlfriend|ex|father|mother|dad|mom|mum|he|she) (?:is |said |says "
    r"|threatened |)(?:\w+ )?(?:going to|gonna|will|wants to|tried to) (?:kill|hurt|strangle) me",
    rf"(?:{_NEAR}|he|she|child|they) {some(6, _FILL)}(?:being |been |gets |was |is |are "
    r"|be )(?:\w+ )?(?:abused|molested|raped|trafficked|beaten|sexually assaulted)",
    rf"{_ADULT} {some(4, _FILL)}(?:hits|hit|beats|beat|touches|touched|molests|molested|abuses|abused|rapes"
    r"|raped|punches|choked|hurts) (?:him|her|them|my student|the (?:child|kid|student)|a (?:child|kid"
    r"|student))(?! (?:up (?:at|in)|at|in the (?:test|game|quiz)))",
    r"(?:is|are|been|was) (?:abusing|molesting|beating|raping|stalking|hurting|assaulting) (?:me|us|him|her"
    r"|them|(?:a|my|the|one of my|our|this|another|his|her|their) (?:\w+ )?(?:child|children|student"
    r"|students|kid|kids|pupil|daughter|son|wife|sister|brother))",
    r"im (?:not safe|in danger(?! of)|being (?:abused|stalked|threatened|beaten))|(?:not|dont feel|isnt"
    r"|arent) safe (?:at home|to go home)|afraid to go home",
    stems="kill|shoot|stab|murder|strangl|beat|school|threat|gun|firearm|knife|weapon|pistol|abus|molest"
    "|rape|raping|traffick|assault|hits|hit |hurt|touch|punch|chok|slap|stalk|not safe|safe at"
    "|safe to|danger|afraid",
    before=not_denied,
    after=r"(?:in|at|on) (?:the )?(?:game|test|stage|chess|finals|tournament|curve|audience)",
)
