"""The card that a bundle gets when none is given: the contract of inputs and outputs, files and parity."""

from __future__ import annotations

from mmzoo.schema import Schema


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
        f"| `{name}` | {modality.dtype} {_shape(modality.shape)} | {modality.contract()} |"
        for name, modality in schema.to_tensors(schema.inputs).items()
    ]
    outputs = [
        f"| `{name}` | float32 {_shape(output.shape)} | {output.contract()} |"
        for name, output in schema.to_tensors(schema.outputs).items()
    ]
    fields = []
    for name, modality in schema.to_tensors(schema.inputs).items():
        # Of steps each has the same fields.
        step = ", ".join([":"] * (len(modality.shape) - 1) + [""])
        fields += [
            f"| `{name}[{step}{i}]` | {in_cell(f.name)} | {f.contract()} |" for i, f in enumerate(modality.fields)
        ]
    parts = [
        "## Inputs and outputs\n\nSignature `serving_default` of the .tflite files; feed and read by name, one sample "
        "at a time (batch 1). Any input may be missing.\n\n| input | tensor | contents |\n|---|---|---|\n"
        + "\n".join(inputs)
    ]
    if fields:
        parts.append("| place | field | meaning; missing is NaN |\n|---|---|---|\n" + "\n".join(fields))
    parts.append("| output | tensor | contents |\n|---|---|---|\n" + "\n".join(outputs))
    parts += _names(schema)
    parts.append("`golden.json` and `golden.npz` hold sample inputs with the answers of the float32 model.")
    return "\n\n".join(parts)


def in_cell(text: str) -> str:
    """A name of any characters as it stands in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _names(schema):
    """What the names in the files stand for, where they are not the names themselves; one table, or none."""
    rows = [(tensor, name) for name, tensor in schema.tensor_names.items() if tensor != name]
    tensors = {tensor for tensor, _ in rows}
    rows += [
        (raw, f"{name}: {column.removeprefix(name)[1:]}" if column != name else name)
        for (name, column), raw in schema.raw_names.items()
        if raw != column and raw not in tensors
    ]
    if not rows:
        return []
    return [
        "Names in the files are ASCII; the runtime in `mmzoo.edge`, tables and `schema.json` have the names as they "
        "were given. `<input>_<field>` is what the SavedModel takes.\n\n| name in the files | stands for |\n|---|---|\n"
        + "\n".join(f"| `{tensor}` | {in_cell(name)} |" for tensor, name in rows)
    ]


def _shape(shape):
    return "(" + ", ".join(str(n) for n in (1, *shape)) + ")"


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
