"""Somebody may be in danger: the one who writes, or somebody they tell about.

For the writer's own danger a false alarm is better than a miss, save where the sentence clearly says no ("I am
not suicidal") or only borrows the words ("this meeting kills me"). Every phrase is judged alone, so "I am not
suicidal, but I wish I were dead" still counts.
"""

from coaching.policies.context import nobody_else, not_denied, not_said_of_others, said_of_oneself
from coaching.policies.phrases import phrase

_MYSELF = r"(?:my ?self|meself|myslef|mysefl|ourselves)"
_MY_LIFE = r"(?:my|our) (?:own |fucking |miserable |pathetic )?(?:life|lives)"
_SUICIDE = r"su[iu]?[cs]s?[iau]?de"
_SUICIDAL = r"su[iu]?[cs]s?[iau]?da?l"
_ALIVE = r"(?:alive|here|around|living|on this (?:earth|planet)|in this world)"
_MORE = r"(?:any ?more|any ?longer|much longer|no more)"
_BORROWED = (
    r"laughing|of (?:embarr?ass?ment|laughter|cringe|curiosity|boredom|cuteness|old age)|on (?:this|that"
    r"|the) hill"
    r"|at home|in peace|happy|a happy|old|peacefully|hard|young"
)

OWN_DEATH = phrase(
    "suicide",
    rf"k(?:i|1)?l+(?:ing|in|ed)? (?:(?:everyone|them|him|her|my \w+|people) )?(?:and |including )?{_MYSELF}",
    r"(?:unaliv(?:e|ed|ing)|off(?:ing)?|hang(?:ing)?|drown(?:ing)?|shoot(?:ing)?|shot|stab(?:bed|bing)?"
    rf"|poison(?:ing)?) {_MYSELF}",
    rf"(?:end(?:ing|ed)?|tak(?:e|ing)|took) {_MY_LIFE}",
    r"(?:scared|afraid|brave enough|courage|want|wanted|ready|wanna|going|gonna"
    r"|time) (?:to )?end it(?= *(?:$|[.!?,;]|and|but|because|now))",
    r"end(?:ing)? it all|end(?:ing)? it (?:tonight|today|for good|together)",
    r"(?:want to|wanna|gonna|going to|should|could|might|just|ill|about to|id rather) kms",
    r"sewer ?slid(?:e|al)",
    r"slit(?:ting)? (?:my|our) (?:\w+ )?(?:wrists?|throat)|jump(?:ing)? off (?:a|the|this|that"
    r"|my) (?:\w+ )?(?:bridge|roof|building|cliff)",
    stems="myself|my self|meself|me self|myslef|mysefl|ourselves| life| lives|it all|end it|ending it|kms"
    "|sewer| off |wrist|throat",
    before=not_denied,
    after=r"in the (?:foot|process)|in (?:my )?(?:work|coffee|marking|grading|paperwork|emails?|chocolate"
    r"|books)"
    r"|as an? (?:teacher|coach|head)|back|into|in (?:a new|another|my own|stride)|to the (?:next|fullest)"
    r"|laughing"
    r"|up|(?:with|over) (?:marking|grading|work|paperwork|planning|lesson plans)|for forgetting|forward"
    r"|seriously|skills|experiences?|stor(?:y|ies)|lessons?|insurance|sciences?|partner|coach\w*|goals?"
    r"|events",
)

SUICIDAL = phrase(
    "suicidal thoughts",
    _SUICIDAL,
    rf"(?:{_SUICIDE}|killing {_MYSELF}|ending {_MY_LIFE})",
    stems="suic|suis|suuc|suus|suc|sus|killing|ending",
    before=said_of_oneself,
    after=r"prevention|awareness|squad|squeeze|rates?|statistics|policy|policies|training|protocols?"
    r"|risk (?:assessment|training)"
    r"|is|isnt|was|may|might|seems|should|will|can|by|rate|hotline|line|bomb\w*|attack\w*|mission|education"
    r"|note in|in (?:the |a |our )?(?:literature|novel|book|film|play|class|text|curriculum)",
)

METHODS = phrase(
    "how to die or be harmed",
    rf"(?:how|ways?|method|easiest|painless|quickest|fastest|best way) (?:\w+ ){{0,4}}(?:commit(?:ting)?"
    rf"|attempt(?:ing)?) {_SUICIDE}",
    r"(?:painless|easy|quick|effective|best|suicide) (?:\w+ )?(?:ways?|methods?|means) (?:of |for "
    rf"|to )?(?:{_SUICIDE}|die|dying)",
    r"(?:painless|quick(?:est)?|easiest|fastest|best) (?:way|method) (?:to|of) (?:die|dying)",
    rf"(?:{_SUICIDE}) (?:methods?|pact|plan|note)",
    r"(?:lethal|fatal|deadly) (?:dose|amount) of|how many (?:\w+ ){0,3}(?:pills|tablets|\w+) (?:would "
    r"|will |does it |to )(?:take to )?(?:kill|die|overdose)\b",
    r"how (?:much|many) (?:[\w-]+ ){1,4}(?:is|are|would be|to be) (?:lethal|fatal|deadly)|tie a noose"
    r"|bought a (?:rope|noose)",
    r"(?:how (?:do|can|could|should) i|help me) (?:just )?die",
    r"(?:hide|hiding|conceal) (?:my |the )(?:cuts|scars|self-?harm)",
    rf"^(?:{_SUICIDE}|{_SUICIDAL}|kms)(?=\W*$)",
    stems="suic|suis|suuc|suus|suc|sus| die|dying|lethal|fatal|deadly|noose|rope|cuts|scars|harm| dose|kms"
    "|pills|tablets|kill",
    before=not_denied,
    after="prevention",
)

WISH_TO_DIE = phrase(
    "a wish to be dead",
    r"(?:want(?:ed|ing|s)?(?: so badly| so much)? to|wanna|ready to|rather|deserve to"
    r"|wish (?:that )?i (?:could|would|can)"
    r"|hope i|wish(?:ing)? to|plan(?:ning)? to|prefer to|going to|gonna|just|wanting to) (?:just |fucking "
    r"|be able to )?"
    r"(?:die|be dead|drop dead|be gone forever|cease to exist|stop existing|not exist|disappear forever)",
    r"(?:wish|wished|wishing) (?:that )?(?:i|id|im) (?:\w+ )?(?:was|were|am|be|been)? ?(?:dead|gone forever"
    r"|never born|not alive|not here)",
    r"(?:wish|wished|wishing) (?:that )?(?:i|id) (?:had |was |were )?(?:never|not) (?:been |be |wake|woken"
    r"|exist)\w*",
    r"(?:wish|wishing|wanna|want to|could|id) (?:that )?(?:i )?(?:could )?(?:just )?(?:disappear|vanish"
    r"|not exist|fade away)",
    r"(?:should|shouldnt|should not|deserve to|dont deserve to|do not deserve to) (?:just )?(?:be dead"
    r"|be alive|live|exist)",
    r"feel(?:ing|s)? like (?:just )?(?:dying|ending (?:it|everything|things|it all))|(?:normal|okay"
    r"|wrong) to want to (?:die|be dead)",
    r"decided to end (?:things|it)|death (?:would|will|sounds|seems|feels) (?:\w+ )?(?:be"
    r"|like )?(?:\w+ )?(?:relief|peaceful|better|easier|nice|comfort\w*)|my life is over",
    r"better off dead|out of this life",
    r"(?:thinking|thoughts?|think|dream(?:ing)?|fantasi[sz](?:e|ing)) (?:about|of) (?:my (?:own )?death"
    r"|dying|death|being dead|not waking up|not being (?:here|alive|around)|ending (?:it|things))",
    r"worth more dead|(?:dont|do not) want this life",
    stems=" die|dead|exist|disappear|vanish|fade|gone|born|better off|out of this|death|dying|wake|woke"
    "|waking|ending|never be|not be|alive|not here|this life|if i was|if i were|if i died| live|my life"
    "|end things|end it",
    before=not_said_of_others,
    after=_BORROWED + r"|behind|from (?:view|the room|sight)|into|in (?:literature|the|a) \w+",
)

NO_LONGER_HERE = phrase(
    "no wish to live",
    r"(?:dont|do not|didnt|no longer|not|cant) (?:really |even |just )?(?:want|wanna|wanting|wish"
    rf"|care)(?: to)? (?:be )?(?:alive|live|living|exist|wake up)(?: {_MORE})?",
    r"(?:dont|do not|no longer|not) (?:really |even |just )?(?:want|wanna|wanting"
    rf"|wish)(?: to)? be {_ALIVE} {_MORE}",
    r"(?:want|wanted|wish|need) (?:it all|everything|the pain) to (?:just )?(?:end|be over)|(?:hope|wish"
    r"|pray) (?:that )?i (?:dont|didnt|never|wouldnt|wont) (?:ever )?(?:wake|woke)",
    rf"(?:wasnt|werent|not|wont be|not be|not being|isnt) (?:just )?{_ALIVE} {_MORE}",
    r"(?:dont|do not|wouldnt) (?:really |even )?(?:care|mind|matter) if i (?:die|died|live|lived|wake"
    r"|never woke|didnt wake|got hit|disappeared)",
    r"(?:go to|fall a|just|could) ?sleep (?:\w+ ){0,3}(?:and )?(?:never|not|dont"
    r"|didnt) (?:ever )?wake(?: up)?|(?:not|never|wouldnt|didnt|hadnt) (?:ever )?(?:wake|waking|woken"
    r"|woke) up",
    r"no (?:reason|point|purpose|will|desire|motivation) (?:to|in|for|of) (?:live|living|be alive"
    r"|being alive|go on(?: living)?|going on|keep going|carry on|my life|me to live|keep living|existing)",
    r"(?:nothing|not much|no one|noone) (?:left )?to live for|my life (?:is|has"
    r"|feels) (?:\w+ )?(?:not worth living|pointless|meaningless|worthless|no meaning)|(?:isnt|not"
    r"|no longer) worth living|(?:worth|reason for) (?:it )?(?:me )?being alive",
    r"(?:point|purpose) (?:in|of) (?:(?:me|my) )?(?:living|being alive|staying alive|staying around"
    r"|being here|going on|existing|my life|it all|anything any ?more)|(?:whats|what is"
    r"|see) (?:\w+ )?the point (?:of|in) (?:anything|everything|staying|going on|any of this)"
    r"|tired of (?:living|being alive|life|existing)|(?:hate|hating) (?:being alive|living|that im alive"
    r"|my existence)",
    r"(?:cant|cannot|can not|dont want to|do not want to|dont wanna) (?:go on|keep (?:on )?(?:going"
    rf"|living)|carry on|do life|live like this|take life)(?: living| like this)?(?: {_MORE})?(?= *(?:$"
    r"|[.!?,;]|and|but|because))",
    before=nobody_else,
    stems="to end|be over| care|mind |matter if|point|live|living|alive|exist|wake|waking|woke|anymore"
    "|any more|longer|no more|go on|going on|keep|carry on|worth|purpose|life",
    after=r"in (?:london|this (?:city|town|flat|house)|the)|up (?:early|at|so early|before|for|to)|(?:the"
    r"|my|a|his|her) \w+|near|with (?:my|the)|here",
)

BURDEN = phrase(
    "sure to be better gone",
    r"(?:better off|happier|better|easier) (?:without me|if i (?:was|were|wasnt|werent|just|died"
    r"|disappeared)(?: (?:not )?(?:dead|gone|here|around|alive|died|disappeared))?)",
    r"(?:no ?one|nobody|not a soul) (?:would|will) (?:even |ever |really )?miss me",
    r"(?:no ?one|nobody|anyone|anybody|they) (?:would |will |wouldnt |wont |even |ever |really "
    r"|probably ){0,4}(?:notice|noticed|care|cared|miss me|mind) (?:if|that|when) i (?:was|were|am|just|had"
    r"|wasnt|werent|disappeared|died|vanished|left)(?: (?:gone|dead|not here|here|disappeared|died|there))?",
    r"if i (?:was|were|wasnt|werent|just|disappeared|died|vanished)(?: (?:just )?(?:gone|dead|not here|here"
    r"|around|disappeared|died|vanished))?,? (?:would |no ?one |nobody |anyone |anybody |even "
    r"|they ){1,4}(?:would |even |ever |really |notice){0,4}(?:notice|care|miss me)",
    stems="would miss|better off|without me|better if|easier if|happier if|notice| care|miss me|mind ",
    before=not_denied,
)

SELF_HARM = phrase(
    "self-harm",
    r"(?:hurt|harm|injur|cut|burn|maim|scratch|starv|bruis|punish)(?:e|t?ing|ed"
    rf"|ning)? {_MYSELF}(?! ?-?(?:esteem|confidence|respect|image|worth))",
    r"(?:urges?|need|want|tempted|desire) to (?:self[ -]?harm|cut(?= *(?:$|[.!?,;]|again|and i))"
    r"|cut (?:again|deeper))",
    r"(?:i|ive|im|id|to|should i|keep|and|still|again) (?:\w+ ){0,3}self[ -]?(?:harm(?:ed|ing)?|injur(?:e"
    r"|ed|ing)|mutilat\w+)",
    r"(?:my|urges? to|relapsed? (?:with|on|into)|addicted to|tips for|ways (?:to|of)|how to"
    r"|safely) (?:\w+ )?(?:self[ -]?(?:harm|injury)\w*|sh scars)",
    r"(?:cut|cutting|slash(?:ed|ing)?|burn(?:ing|ed|t)?) my (?:\w+ )?(?:wrists?|arms?|thighs?|legs?|skin"
    r"|veins?)",
    rf"(?:make|making|made) {_MYSELF} (?:throw up|vomit|sick after)|(?:i|ive|im) (?:\w+ )?purg(?:e|ed"
    r"|ing) (?:after|every|again)",
    r"(?:i|ive) (?:\w+ ){0,3}(?:started|keep|kept|been|stopped) cutting(?: again)?(?= *(?:$|[.!?,;]|again"
    r"|and|because|since))",
    r"(?:i|im|ive|id|to|going to|gonna|and) (?:\w+ ){0,2}overdos(?:e|ed|ing)",
    r"(?:took|taken|take|swallow(?:ed)?) (?:all (?:of )?(?:my|the)|too many|a (?:whole )?bottle of"
    r"|a bunch of|the whole bottle of) (?:\w+ )?(?:pills?|tablets?|meds?|medications?|sleeping pills"
    r"|painkillers|paracetamol|tylenol)",
    stems="myself|my self|meself|me self|myslef|mysefl|ourselves|self-|self harm|self inj|self mut|selfh"
    "|selfi|selfm|sh scars|wrist| arm|thigh| leg|skin|vein|to cut|purg|cutting|overdos|pill|tablet|meds"
    "|medication|painkiller|paracetamol|tylenol",
    before=not_denied,
    after=r"at (?:the )?gym|(?:while )?(?:playing|running|lifting|shaving|cooking|skiing|climbing|cycling"
    r"|jogging|exercising)"
    r"|(?:by accident|accidentally)|off|some slack|short|a (?:slice|break|piece|deal)|out|loose|down|open"
    r"|falling|on the (?:stove|oven|kettle|door)"
    r"|for not|with (?:late|work|marking|grading)|when i fell|up",
)
