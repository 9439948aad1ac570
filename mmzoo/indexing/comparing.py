"""What has become of the items of an index: which stay, which moved, which are to be read."""

from __future__ import annotations

import dataclasses

from mmzoo.indexing.items import Item, digest_of


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        kept: for each item of the index what it is now; None where it goes, or is to be read again.
        wanted: what is to be read.
        changed, moved, deleted: see `Changes`.
        unread: name -> item that could not be read before and has not changed since.
    """

    kept: list[Item | None]
    wanted: list[Item]
    changed: set[str]
    moved: list[tuple[str, str]]
    deleted: list[str]
    unread: dict[str, Item]


def compared(items, unread, there, folder) -> Plan:
    """What has become of an index' items.

    Args:
        items: those that have vectors.
        unread: name -> those that could not be read.
        there: name -> item, what there is now.
        folder: of the files; None for texts.
    """
    names = {item.name for item in items}
    kept: list[Item | None] = [None] * len(items)
    changed, fresh = set(), dict(there)
    for place, item in enumerate(items):
        now = there.get(item.name)
        if now is None:
            continue
        if now.stamp != item.stamp:
            now = dataclasses.replace(now, sha256=digest_of(folder / item.name))
            fresh[item.name] = now
            if now.sha256 != item.sha256:
                changed.add(item.name)
                continue
        kept[place] = dataclasses.replace(item, size=now.size, modified=now.modified)
        del fresh[item.name]
    still = {name: item for name, item in unread.items() if name in there and there[name].stamp == item.stamp}
    fresh = {name: item for name, item in fresh.items() if name not in still}
    if folder is not None:
        fresh = {
            n: one if one.sha256 else dataclasses.replace(one, sha256=digest_of(folder / n)) for n, one in fresh.items()
        }
    gone = {item.sha256: place for place, item in enumerate(items) if item.sha256 and item.name not in there}
    moved = []
    for name, item in list(fresh.items()):
        if name not in names and item.sha256 in gone:
            place = gone.pop(item.sha256)
            moved.append((items[place].name, name))
            kept[place] = item
            del fresh[name]
    left = {old for old, _ in moved}
    deleted = [item.name for item in items if item.name not in there and item.name not in left]
    return Plan(kept, list(fresh.values()), changed, moved, deleted, still)
