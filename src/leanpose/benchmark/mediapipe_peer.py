"""MediaPipe Pose in its own interpreter: reads turns from stdin, answers with times on stdout, a JSON object a line.

Started as ``PYTHON mediapipe_peer.py FRAMES.npy``, where PYTHON has mediapipe and NumPy and need not have leanpose;
FRAMES holds RGB images (F, H, W, 3). The first line says what can be run, and why something cannot. Then each line
``{"run": NAME, "calls": N}`` is answered by ``{"seconds": [...], "found": M}``: one call first that is not counted,
and M calls in which a person was found. The input's end ends the process.
"""

import json
import os
import sys
import time

MODELS = ("lite", "full", "heavy")


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the libraries talk

    def say(answer: dict) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        import mediapipe  # pyright: ignore[reportMissingImports]
        import numpy as np
    except ImportError as error:
        say({"error": f"no mediapipe in it: {error}"})
        return
    frames = np.load(sys.argv[1])
    solutions, failed = {}, {}
    for complexity, model in enumerate(MODELS):
        for mode in ("video", "static"):
            name = f"{model}, {mode} mode"
            try:
                solution = mediapipe.solutions.pose.Pose(
                    static_image_mode=mode == "static", model_complexity=complexity
                )
                solution.process(frames[0])
            except Exception as error:  # whatever it is, it is said and the others go on
                failed[name] = f"{type(error).__name__}: {error}"
            else:
                solutions[name] = solution
    say({"version": mediapipe.__version__, "ready": list(solutions), "failed": failed})
    at = dict.fromkeys(solutions, 0)
    for line in sys.stdin:
        turn = json.loads(line)
        name = turn["run"]
        seconds, found = [], 0
        for call in range(turn["calls"] + 1):
            image = frames[at[name] % len(frames)]
            at[name] += 1
            start = time.perf_counter()
            answer = solutions[name].process(image)
            if call:
                seconds.append(time.perf_counter() - start)
                found += answer.pose_landmarks is not None
        say({"seconds": seconds, "found": found})


if __name__ == "__main__":
    main()
