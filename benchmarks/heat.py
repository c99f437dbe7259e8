"""Heat by pinnscene alone, ``head`` in 1, 2 and 3 dimensions and ``adam`` with SIREN, against closed forms."""

import statistics

from record import record

from pinnscene.problems.heat import Heat

CASES = [
    ("heat 1+1d, default", {}, {}, 1e-10, 1.5, 5),
    ("heat 1+1d, alpha 1/4", {"alpha": 0.25}, {}, 1e-10, 1.5, 5),
    ("heat 2+1d", {"dims": 2}, {}, 1e-9, 10.0, 3),
    ("heat 3+1d", {"dims": 3}, {}, 1e-8, 10.0, 3),
    ("heat 1+1d, adam with SIREN", {}, {"solver": "adam"}, 1e-3, 60.0, 1),
]


def main() -> None:
    """Solve every case several times; report the median solve time and the worst error."""
    Heat().solve()  # the first solve of a process also loads libraries
    rows = []
    for name, options, settings, error, seconds, times in CASES:
        solutions = [Heat(**options).solve(seed=seed, **settings) for seed in range(times)]
        rows.append({
            "problem": name,
            "rel_l2 asked": error,
            "rel_l2 (worst of seeds)": max(s.metrics["rel_l2"] for s in solutions),
            "seconds asked": seconds,
            "seconds of solving (median)": statistics.median(s.seconds for s in solutions),
            "runs": times,
            "parameters": solutions[0].parameters,
        })  # fmt: skip
        print(rows[-1], flush=True)
    record("heat", rows)


if __name__ == "__main__":
    main()
