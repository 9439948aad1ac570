"""`python -m mmzoo.data.sets.rendered`: measures the generator on one core and shows what it draws."""

from __future__ import annotations

import argparse
import time

import numpy as np

from mmzoo.data.sets.rendered import contact_sheet, render_signs
from mmzoo.data.sets.rendered.signs import NUM_SIGNS


def main() -> None:
    """Parses the command line, measures and, on request, draws the contact sheet."""
    parser = argparse.ArgumentParser(prog="python -m mmzoo.data.sets.rendered", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="images to render")
    parser.add_argument("--size", type=int, default=32, help="height and width, pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="write a contact sheet, one row a class, to this picture file")
    options = parser.parse_args()
    if options.count < 1:
        parser.error(f"--count is {options.count}, expected at least 1")
    labels = np.arange(options.count) % NUM_SIGNS
    size = (options.size, options.size)
    render_signs(labels, image_size=size, seed=options.seed)  # draws the textures and makes the banks
    began = time.process_time()
    images = render_signs(labels, image_size=size, seed=options.seed)
    seconds = time.process_time() - began
    print(
        f"{options.count} images of {options.size}x{options.size}: {options.count / seconds:.0f} images/s of CPU time"
    )
    if options.out:
        columns = 16
        shown = [k for c in range(NUM_SIGNS) for k in np.flatnonzero(labels == c)[:columns]]
        contact_sheet(images[shown], columns=min(columns, max(1, options.count // NUM_SIGNS)), scale=2).save(
            options.out
        )
        print(f"contact sheet: {options.out}")


if __name__ == "__main__":
    main()
