"""The card that a bundle gets when none is given: the contract of inputs and outputs, files and parity."""

from __future__ import annotations

from mmzoo.encoding.texts import (
    BASE,
    FIRST,
    HASHED_CHARACTERS,
    LONGEST_WORD,
    MIXER,
    MOST_CHARACTERS,
    SECOND,
    SUFFIX,
    UNKNOWN,
)
from mmzoo.schema import Angle, Audio, Category, Date, Image, Number, Schema, Sensors, Sequence, Text


def minimal_card(schema: Schema, name: str, sizes: dict[str, int], parity: dict) -> str:
    """Writes a card in Markdown.

    Args:
        schema: the model's schema.
        name: the model's name.
        sizes: file -> bytes.
        parity: what parity.json holds.

    Returns:
        The text of CARD.md.
    """
    return (
        "\n\n".join(
            [
                f"# {name}",
                "Exported by mmzoo. Its data, training and limits are not described: export with `card=` to do so.",
                contract(schema),
                _files(sizes, parity),
            ]
        )
        + "\n"
    )


def contract(schema: Schema) -> str:
    """The inputs and outputs of a bundle's LiteRT files, in Markdown, for whoever feeds them without mmzoo."""
    inputs = [
        f"| `{name}` | {modality.dtype} {_shape(modality.shape)} | {_input(modality)} |"
        for name, modality in schema.inputs.items()
    ]
    outputs = [
        f"| `{name}` | float32 {_shape(output.shape)} | {output.contract()} |"
        for name, output in schema.outputs.items()
    ]
    fields = []
    for name, modality in schema.inputs.items():
        if isinstance(modality, (Sensors, Sequence)):
            fields += [f"| `{name}[{i}]` | {f.name} | {_field(f)} |" for i, f in enumerate(modality.fields)]
    parts = [
        "## Inputs and outputs\n\nSignature `serving_default` of the .tflite files; feed and read by name, one sample "
        "at a time (batch 1). Any input may be missing.\n\n| input | tensor | contents |\n|---|---|---|\n"
        + "\n".join(inputs)
    ]
    if fields:
        parts.append("| place | field | meaning; missing is NaN |\n|---|---|---|\n" + "\n".join(fields))
    parts.append("| output | tensor | contents |\n|---|---|---|\n" + "\n".join(outputs))
    parts.append("`golden.json` and `golden.npz` hold sample inputs with the answers of the float32 model.")
    return "\n\n".join(parts)


def _shape(shape):
    return "(" + ", ".join(str(n) for n in (1, *shape)) + ")"


def _input(modality):
    if isinstance(modality, Image):
        colours = "grey" if modality.channels == 1 else "RGB"
        return (
            f"{colours} pixels 0..255, turned as EXIF says, scaled to {modality.height} rows x {modality.width} "
            "columns with antialias (Pillow's BILINEAR); missing: all 0"
        )
    if isinstance(modality, Audio):
        return (
            f"samples -1..1 of the first {modality.samples / modality.sample_rate:g} s, the mean of its channels, at "
            f"{modality.sample_rate:,} Hz (resampled as in `mmzoo/encoding/sounds.py`), then 0; missing: all 0"
        )
    if isinstance(modality, Text) and modality.tokenizer == "bytes":
        return (
            f"the text's UTF-8 bytes, one a place, then 0; NUL left out, ill-formed parts as U+FFFD, cut to at most "
            f"{modality.length} bytes but never inside a character; missing: all 0"
        )
    if isinstance(modality, (Sensors, Sequence)):
        return "numbers in the units below, not normalised, categories as index; missing: NaN, field by field"
    if isinstance(modality, Text):
        return f"{_tokens(modality)}; missing: all 0"
    return f"see `schema.json` ({type(modality).__name__}); missing: all 0"


def _tokens(text):
    # All that code in another language must do; in Python mmzoo/encoding/texts.py and unicode_tables.py do it.
    lowered = (
        "lower-case it character by character (one code point for one, İ to i, ς to σ), " if text.lowercase else ""
    )
    read = f"leave out NUL, take the first {MOST_CHARACTERS:,} characters, {lowered}and "
    if text.tokenizer == "ngrams":
        return (
            f"hashes of words, then of pairs of neighbouring words, then 0: {read}split into words: runs of letters, "
            "marks and digits; each CJK ideograph and each symbol beyond ASCII (emoji, €) is a word; spaces and "
            f"punctuation only separate. In 64-bit integers, with p = 2^31 - 1: of a word with the code points c0, c1, "
            f"... (at most {HASHED_CHARACTERS}) h = (c0 + c1 * {BASE} + c2 * {BASE}^2 + ...) mod p; of a pair "
            f"h = ({FIRST} * h1 + {SECOND} * h2) mod p; then h = (h xor (h >> 15)) * {MIXER} mod p, "
            f"h = h xor (h >> 13), id = h mod {text.buckets} + 1; the words' ids, then the pairs', cut to {text.length}"
        )
    marks = [f"`{mark}` {place}" for mark, place in ((text.start, "before"), (text.end, "behind")) if mark]
    marked = f", {' and '.join(marks)} every text that is not empty, kept when it is cut" if marks else ""
    return (
        f"places of word pieces in `vocabulary` in `schema.json`, then 0: {read}split at spaces, controls and format "
        "characters, each punctuation mark and CJK ideograph a word of its own; of a word take the longest piece it "
        f"begins with, then the longest `{SUFFIX}` piece that goes on, and so on; `{UNKNOWN}` for the whole word where "
        f"none goes on or it has over {LONGEST_WORD} bytes; cut to {text.length}{marked}"
    )


def _field(field):
    if isinstance(field, Category):
        return "index into " + ", ".join(f"{i} {name}" for i, name in enumerate(field.categories))
    if isinstance(field, Number):
        return f"{field.minimum:g}..{field.maximum:g} {field.unit}".strip()
    if isinstance(field, Angle):
        return "degrees, taken modulo 360"
    return "days since 1970-01-01" if isinstance(field, Date) else field.name


def _files(sizes, parity):
    main = parity["main_set"]
    rows = []
    for file, bytes_ in sizes.items():
        record = parity["files"].get(file)
        figures = ["", "", ""]
        if record is not None:
            outputs = record["sets"][main].values()
            worst = max(f["max_difference"] for sets in record["sets"].values() for f in sets.values())
            agreement = [f["argmax_agreement"] for f in outputs if "argmax_agreement" in f]
            metrics = [f"{m['metric']} {m['file']:.4f} (Keras {m['keras']:.4f})" for m in record["metrics"].values()]
            figures = [f"{worst:.2g}", f"{min(agreement):.2%}" if agreement else "", ", ".join(metrics)]
        rows.append(f"| {file} | {bytes_:,} | " + " | ".join(figures) + " |")
    count = parity["sets"][main]
    text = (
        "## Files and parity\n\nDifferences from the Keras model: the largest over all sets of inputs, the agreement "
        f"and the metric over {count:,} {main} samples. All figures: `parity.json`.\n\n"
        "| file | bytes | largest difference | same class | metric |\n|---|---|---|---|---|\n" + "\n".join(rows)
    )
    for file, reason in parity["left_out"].items():
        text += f"\n\nThere is no {file}: {reason}."
    return text
