"""Small drawn pictures that stand in for the photo sets."""

from srlib import images, synthetic


def draw(folder, side=48, **sets):
    """One folder of pictures for each set, given as its name and the seeds of its pictures; returns ``folder``."""
    for name, seeds in sets.items():
        (folder / name).mkdir(parents=True)
        for seed in seeds:
            images.save(folder / name / f"{seed}.png", synthetic.picture(seed, side=side))
    return folder
