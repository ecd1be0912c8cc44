"""The whole campaign of docs/reliability.md: broken inputs, kills and forks, from seeds and bounded in time.

    python benchmarks/campaign.py --minutes 20

Each part is a script that runs alone, too: campaign_inputs.py, campaign_kills.py, campaign_forks.py. Exit status 1
where any of them found a fault; each is printed with its seed.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="for all of it")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seed = ["--seed", str(options.seed)]
    parts = {
        "campaign_inputs.py": [*seed, "--minutes", str(options.minutes / 10)],  # for each kind; most take seconds
        "campaign_kills.py": [*seed, "--minutes", str(options.minutes * 0.6)],
        "campaign_forks.py": [],
    }
    begin, statuses = time.monotonic(), []
    for script, arguments in parts.items():
        print(f"\n{script} {' '.join(arguments)}\n", flush=True)
        statuses.append(subprocess.run([sys.executable, str(HERE / script), *arguments]).returncode)
    print(f"\n{(time.monotonic() - begin) / 60:.0f} minutes")
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
