"""Logistic regression by Newton's method, small enough to read."""

from collections.abc import Mapping, Sequence

import numpy as np

ROUNDS = 30
RIDGE = 3.0
"""Pull of the standardised weights towards zero, in observations."""


def fit_logistic(
    rows: Sequence[Mapping[str, float]], labels: Sequence[bool], names: Sequence[str]
) -> dict[str, float]:
    """Fit weights of `names` and a "constant" to `rows`, for values as they are (not standardised)."""
    values = np.array([[row[name] for name in names] for row in rows], np.float64)
    wanted = np.array(labels, np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread == 0] = 1
    design = np.column_stack([np.ones(len(values)), (values - mean) / spread])
    pull = np.diag([0.0] + [RIDGE] * len(names))
    weights = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-(design @ weights)))
        gradient = design.T @ (wanted - chance) - pull @ weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + pull
        step = np.linalg.solve(curve, gradient)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    plain = weights[1:] / spread
    constant = float(weights[0] - plain @ mean)
    fitted = {name: round(float(weight), 4) for name, weight in zip(names, plain, strict=True)}
    return {"constant": round(constant, 4), **fitted}
