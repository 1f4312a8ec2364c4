"""Weights of the two judgements of `support`: names of features, in the units in which `evidence` computes them.

Fitted by ``python -m benchmarks.answers_without_key ../shared/data/retrieval-squad --fit`` (logistic regression,
ridge 3 on standardised features) on every second of 24 articles of SQuAD: 2,349 answerable questions, 1,455 that
their paragraph does not answer, and each fourth question once more without its own article. On the other
12 articles, which the fit never saw, a quoted sentence holds the answer for 71.3 % of 2,458 answerable
questions; 51.9 % of 1,826 adversarial unanswerable ones, and 98.7 % of those of a foreign library, get "not found".
Those 12 are not wholly unseen: which features to keep was decided with their figures in view, and the search that
feeds the benchmark was tuned on all 24. Expect a little less elsewhere.
The similarity is the cosine of the embedded all-MiniLM-L6-v2; with another embedding model these weights mean nothing.
Single weights are not to be read as reasons: the features overlap.
"""

FIRST_LOOK = {
    "constant": -7.4491,
    "sentence": 5.0388,
    "nearby": 1.269,
    "passage": 1.1253,
    "missing_sentence": 0.3871,
    "missing_nearby": 0.5094,
    "missing_passage": 1.4454,
    "names_sentence": 0.1101,
    "names_nearby": -0.112,
    "names_passage": -0.756,
    "order": 0.8702,
    "cue": 0.8368,
    "rank": -1.0211,
    "length": 0.1327,
    "denial": -0.414,
    "contrast": -0.0629,
}
"""Is this sentence the one? By its words alone."""

RANKING = {
    "constant": -8.2128,
    "sentence": 4.1954,
    "nearby": 1.1621,
    "passage": 1.2148,
    "missing_sentence": 0.0666,
    "missing_nearby": 0.4275,
    "missing_passage": 1.4404,
    "names_sentence": 0.1433,
    "names_nearby": -0.1137,
    "names_passage": -0.7614,
    "order": 0.8182,
    "cue": 0.8155,
    "rank": -0.9726,
    "length": 0.2538,
    "denial": -0.3627,
    "contrast": -0.0966,
    "similarity": 1.9384,
}
"""The same, with the similarity of question and sentence."""

CONFIDENCE = {
    "constant": -8.2534,
    "sentence": -0.3069,
    "nearby": 0.7048,
    "passage": -1.1848,
    "missing_sentence": -1.3381,
    "missing_nearby": -0.4222,
    "missing_passage": 0.8954,
    "names_sentence": 0.2895,
    "names_nearby": -0.7141,
    "names_passage": -0.256,
    "order": -0.6426,
    "cue": 0.318,
    "length": 0.5697,
    "denial": -2.0269,
    "contrast": -0.1303,
    "similarity": 1.4779,
    "score": -0.053,
    "most_similar": 6.3995,
    "most_sentence": 1.4208,
    "most_nearby": 0.961,
    "words": 0.886,
    "negated": -1.1457,
}
"""Do the best sentences answer the question? See `support.evidence_of_answer`."""
