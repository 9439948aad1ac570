"""`mmzoo index` and `mmzoo search`: pictures or texts that are found by what is said or shown."""

from __future__ import annotations

import json
import pathlib

from mmzoo.encoding.terminal import shown

# Names that are printed of each kind of change; all stand in the index.
_NAMED = 10


def index(bundle: str, source: pathlib.Path, out: pathlib.Path, *, approximate: bool) -> None:
    """Builds an index, or brings the one that lies in `out` up to date."""
    import mmzoo
    from mmzoo.indexing.keeping import ABOUT

    def progress(done, total):
        if done == total or done % 1_024 == 0:
            print(f"{done:,} of {total:,} read", flush=True)

    if (out / ABOUT).is_file():
        made = mmzoo.load_index(out, bundle)
        changes = made.update(source, progress=progress)
        print(f"{out}: {changes}")
        _named("new", changes.new)
        _named("changed", changes.changed)
        _named("moved", [f"{old} -> {new}" for old, new in changes.moved])
        _named("deleted", changes.deleted)
    else:
        made = mmzoo.index(bundle, source, approximate=approximate, progress=progress)
    made.save(out)
    # Each reason begins with the name.
    _named("skipped", list(made.skipped.values()))
    print(f"{len(made):,} in {out}")


def _named(word, names):
    for name in names[:_NAMED]:
        print(shown(f"  {word}: {name}"))
    if len(names) > _NAMED:
        print(f"  {word}: {len(names) - _NAMED:,} more")


def search(
    path: pathlib.Path, text: str | None, image: pathlib.Path | None, bundle: str | None, *, k: int, as_json: bool
) -> None:
    """Prints what is most like a text or a picture."""
    import mmzoo

    found = mmzoo.load_index(path, bundle)
    hits = found.search(text, k=k) if image is None else found.search(text, k=k, image=image)
    if as_json:
        print(json.dumps([hit._asdict() for hit in hits], ensure_ascii=False))
    else:
        for hit in hits:
            print(shown(f"{hit.similarity:7.4f}  {hit.item}"))
