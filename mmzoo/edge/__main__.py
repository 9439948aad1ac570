"""`python -m mmzoo.edge BUNDLE --image sign.jpg --text 50 --set location.speed=48`: predictions on a device."""

from __future__ import annotations

import argparse
import json
import sys
import time

from mmzoo.encoding.terminal import any_text_prints, shown

# What a kind of input is given by (`Modality.option`): (what stands there, what it is).
OPTIONS = {
    "image": ("FILE", "the image input"),
    "text": ("TEXT", "the text input"),
    "audio": ("FILE", "the audio input (needs the package soundfile)"),
    "video": ("FILE", "the video input: GIF, WebP, a folder of pictures, or a film (needs the package av)"),
    "history": ("A|B|C", "the history input: names of items, the newest last"),
}
_LISTED = ", ".join(f"--{name}" for name in OPTIONS)


def main(arguments: list[str] | None = None, prog: str = "python -m mmzoo.edge") -> int:
    """The command line; returns the exit status: 0, 1 for bad input, 2 for bad usage."""
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    if options.csv and options.folder:
        parser.error("--csv and --folder: give one of them")
    is_table = bool(options.csv or options.folder)
    if is_table != bool(options.out):
        parser.error("--csv or --folder and --out go together")
    given = {name: getattr(options, name) for name in OPTIONS}
    has_raw = any(value is not None for value in given.values()) or bool(options.set)
    if is_table and (has_raw or options.benchmark):
        parser.error(f"{_LISTED}, --set and --benchmark go with a single sample, not with --csv or --folder")
    if not (is_table or has_raw or options.benchmark):
        parser.error(f"nothing to predict: give {_LISTED}, --set, --csv or --folder")
    any_text_prints()
    try:
        return _run(options)
    except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
        # str() of a KeyError would put quotes around the message.
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"error: {shown(str(message))}", file=sys.stderr)
        return 1


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Predicts with the LiteRT file of a bundle. Any input may be left out.",
    )
    parser.add_argument(
        "bundle",
        help="folder that mmzoo.export wrote, a .tflite file beside a schema.json, or the name of a shipped bundle",
    )
    for name, (metavar, about) in OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=about)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="INPUT.FIELD=VALUE",
        help="one field of a sensor input, or any other input as INPUT=VALUE (a series by the path of its CSV file); "
        "may be repeated",
    )
    parser.add_argument("--csv", metavar="IN", help="predict for every row; columns: inputs and <input>_<field>")
    parser.add_argument(
        "--allow-outside", action="store_true", help="--csv: also read files outside of the table's folder"
    )
    parser.add_argument("--folder", metavar="DIR", help="predict for every image in a folder")
    parser.add_argument("--out", metavar="OUT", help="CSV file for the predictions of --csv and --folder")
    parser.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="--csv, --folder: at a bad row stop (default), or leave its predictions empty and say why in a column",
    )
    parser.add_argument(
        "--no-formulas",
        action="store_true",
        help="--out: put an apostrophe before cells that a spreadsheet would run as a formula",
    )
    parser.add_argument("--variant", default="float32", help="float32 (default), dynamic_int8 or int8")
    parser.add_argument("--threads", type=_positive, default=1, metavar="N", help="CPU threads (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of a model's noise (default: 0)")
    parser.add_argument("--top", type=_positive, default=3, metavar="N", help="classes to name (default: 3)")
    parser.add_argument(
        "--beams",
        type=_positive,
        default=1,
        metavar="N",
        help="keep the N likeliest beginnings of a sentence in view; takes N times as many runs as it has steps",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--benchmark", type=_positive, metavar="N", help="predict N times, print ms for every stage")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return number


def _run(options) -> int:
    start = time.perf_counter()
    from mmzoo.edge import runtime, table
    from mmzoo.schema import columns

    if options.benchmark:
        # These are otherwise imported where they are first used.
        import ai_edge_litert.interpreter  # noqa: F401
        import PIL.Image  # noqa: F401
    imported = time.perf_counter()
    model = runtime.load(options.bundle, variant=options.variant, threads=options.threads, seed=options.seed)
    loaded = time.perf_counter()

    if options.csv or options.folder:
        if options.csv:
            how = {"allow_outside_root": options.allow_outside, "on_error": options.on_error}
            count = table.predict_csv(model, options.csv, options.out, formulas=not options.no_formulas, **how)
        else:
            how = {"formulas": not options.no_formulas, "on_error": options.on_error}
            count = table.predict_folder(model, options.folder, options.out, **how)
        result = {"rows": count, "out": options.out}
        print(json.dumps(result) if options.json else f"{count} predictions in {options.out}")
        return 0

    raw = columns.raw_sample(model.schema, settings=options.set, **{name: getattr(options, name) for name in OPTIONS})
    if options.benchmark:
        stages = {"import": (imported - start) * 1e3, "load": (loaded - imported) * 1e3}
        stages.update(_benchmark(model, raw, options.benchmark))
        print(json.dumps(stages) if options.json else _format_stages(stages, model, raw))
        return 0
    prediction = model.predict(raw, top=options.top)
    if options.beams > 1:
        from mmzoo.writing import write

        prediction |= {name: write(model, raw, beams=options.beams, output=name) for name in _sentences(model.schema)}
    files = _written(prediction, model.schema)
    if options.json:
        print(shown(json.dumps({**prediction, **files}, ensure_ascii=False)))
    else:
        print(
            shown("\n".join([format_prediction(prediction, model.schema), *(f"  {file}" for file in files.values())]))
        )
    return 0


def _written(prediction: dict, schema) -> dict[str, str]:
    """Output -> the file, for what is a file and nothing to be printed; in the folder where one is."""
    named = {name: schema.outputs[name].write(value, schema.tensor_names[name]) for name, value in prediction.items()}
    return {name: file for name, file in named.items() if file is not None}


def _sentences(schema) -> list[str]:
    """Names of the outputs that are written.

    Raises:
        ValueError: there is none.
    """
    names = [name for name, kind in schema.predicted.items() if kind.feeds_itself]
    if not names:
        raise ValueError(f"--beams: for models that write a sentence; this one gives {list(schema.predicted)}")
    return names


def _benchmark(model, raw, count) -> dict[str, float]:
    """Milliseconds: the first prediction, then the medians of encoding and running over `count` predictions."""
    start = time.perf_counter()
    model.predict(raw)
    stages = {"first prediction": (time.perf_counter() - start) * 1e3}
    times: dict[str, list[float]] = {"encode": [], "invoke": []}
    for _ in range(count):
        begin = time.perf_counter()
        arrays = model.schema.encode(raw)
        encoded = time.perf_counter()
        model.run(arrays)
        times["invoke"].append(time.perf_counter() - encoded)
        times["encode"].append(encoded - begin)
    return {**stages, **{stage: sorted(values)[count // 2] * 1e3 for stage, values in times.items()}}


def _format_stages(stages, model, raw) -> str:
    lines = [f"{model!r}", *(f"{stage:>17}: {milliseconds:9.3f} ms" for stage, milliseconds in stages.items())]
    absent = [name for name in model.schema.given if name not in raw]
    if absent:
        lines.append(f"(missing, so not in the time to encode: {', '.join(absent)})")
    return "\n".join(lines)


def format_prediction(prediction: dict, schema) -> str:
    """A prediction, as `EdgeModel.predict` returns it, in lines for people."""
    lines = []
    for name, value in prediction.items():
        first, *rest = schema.outputs[name].in_words(value)
        lines += [f"{name}: {first}".rstrip(), *rest]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
