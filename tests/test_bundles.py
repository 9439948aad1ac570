"""Bundles and model files that were damaged, swapped or made to do harm are refused, by name."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import re
import shutil
import subprocess
import sys
import zipfile

import keras
import pytest

import mmzoo
from mmzoo import edge
from mmzoo.bundles import find_bundle, main, shipped_bundles, verify, write_checksums
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.schema import Label, Schema, Text

NANO = "road_sign_nano_gtsrb"


@pytest.fixture
def bundle(tmp_path):
    """A copy of a shipped bundle, with a folder saved_model/ as export writes it."""
    folder = shutil.copytree(find_bundle(NANO), tmp_path / "bundle")
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(b"index")
    write_checksums(folder)
    return folder


def alter(file):
    """One bit of it."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


# Checksums -----------------------------------------------------------------------------------------------------------


def test_the_list_is_that_of_sha256sum(bundle):
    lines = dict(line.split("  ")[::-1] for line in (bundle / "SHA256SUMS").read_text().splitlines())
    covered = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert set(lines) == covered - {"SHA256SUMS", "CARD.md"} and "saved_model/variables/variables.index" in lines
    assert lines["schema.json"] == hashlib.sha256((bundle / "schema.json").read_bytes()).hexdigest()
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=bundle, check=True, capture_output=True)


def test_every_shipped_bundle_is_as_it_was_exported():
    assert len(shipped_bundles()) >= 2
    for folder in (bundle.path for bundle in shipped_bundles()):
        assert verify(folder) >= 5


def test_the_card_may_change_and_the_saved_model_may_be_left_out(bundle):
    (bundle / "CARD.md").write_text("new figures")
    count = verify(bundle)
    shutil.rmtree(bundle / "saved_model")
    assert verify(bundle) == count - 2


@pytest.mark.parametrize("name", ["schema.json", "model_int8.tflite", "golden.npz", "saved_model/saved_model.pb"])
def test_a_missing_or_altered_file_is_named(bundle, name):
    alter(bundle / name)
    with pytest.raises(ValueError, match=f"{name}: altered since the export.*mmzoo.bundles --write"):
        verify(bundle)
    (bundle / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}: no such file, but SHA256SUMS lists it; copy the bundle"):
        verify(bundle)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "schema.json: not listed in SHA256SUMS"),
        (b"abc  schema.json\n", "SHA256SUMS, line 1: expected '<SHA-256>  <file>', got 'abc"),
        (b"\xff\xfe", "SHA256SUMS: not a list of checksums"),
    ],
)
def test_a_damaged_list_is_named(bundle, content, message):
    (bundle / "SHA256SUMS").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        edge.load(bundle)


def test_without_a_list_nothing_is_loaded(bundle):
    (bundle / "SHA256SUMS").unlink()
    for load in (edge.load, mmzoo.load_model, verify):
        with pytest.raises(FileNotFoundError, match=r"SHA256SUMS: no such file.*python -m mmzoo\.bundles --write \S+"):
            load(bundle)
    assert main(["--write", str(bundle)]) == 0
    assert edge.load(bundle).variant == "float32"


@pytest.mark.parametrize("name", ["schema.json", "model_float32.tflite"])
def test_the_device_refuses_an_altered_file(bundle, name):
    # Still JSON, still a LiteRT file: nothing else would notice.
    with (bundle / name).open("ab") as file:
        file.write(b"\n")
    for path in (bundle, bundle / "model_float32.tflite"):
        with pytest.raises(ValueError, match=f"{name}: altered since the export"):
            edge.load(path)


def test_the_device_needs_only_the_files_it_reads(bundle):
    for path in bundle.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("schema.json", "SHA256SUMS", "model_int8.tflite"):
            path.unlink()
    assert len(edge.load(bundle, variant="int8").predict(text="50")["sign"]) == 3


def test_a_shipped_bundle_loads_by_its_name():
    assert mmzoo.load_model(NANO).schema == mmzoo.road_sign_schema()


def test_keras_and_pretrained_weights_refuse_an_altered_file(bundle):
    alter(bundle / "model.keras")
    with pytest.raises(ValueError, match="model.keras: altered since the export"):
        mmzoo.load_model(bundle)
    with pytest.raises(ValueError, match="model.keras: altered since the export"):
        mmzoo.build_road_sign_model(size="nano", weights=bundle)


def test_the_command(bundle, capsys):
    assert main([str(bundle), NANO]) == 0
    assert f"bundle: {verify(bundle)} files are as they were exported" in capsys.readouterr().out
    alter(bundle / "model.keras")
    assert main([str(bundle), NANO]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and "model.keras: altered" in captured.err and NANO in captured.out
    assert main(["--write", str(bundle)]) == 0 and main([str(bundle)]) == 0
    assert main(["--write", str(bundle.parent)]) == 1
    assert "no schema.json in it" in capsys.readouterr().err
    done = subprocess.run([sys.executable, "-m", "mmzoo.bundles", str(bundle)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


# Model files that carry code -----------------------------------------------------------------------------------------

SCHEMA = Schema("tiny", {"text": Text(4)}, {"kind": Label(("a", "b"))})


def tiny_model(layer):
    inputs = keras_inputs(SCHEMA)
    numbers = layer(keras.ops.cast(inputs["text"], "float32"))
    return schema_model(inputs, {"kind": keras.layers.Dense(2, activation="softmax")(numbers)}, SCHEMA, "tiny")


def rewritten(file, change):
    """The file with another description: `change` gets and gives back the text of config.json."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = change(parts["config.json"].decode()).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


@pytest.fixture
def harmful(tmp_path):
    """A whole model of mmzoo with a layer that writes a file when it is loaded; (model file, what it writes)."""
    mark = tmp_path / "harm"
    attack = f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]"
    tiny_model(keras.layers.Lambda(eval(attack), name="calibration")).save(tmp_path / "m.keras")
    mark.unlink(missing_ok=True)
    return tmp_path / "m.keras", mark


def test_a_file_that_carries_code_is_refused_and_the_code_not_run(harmful):
    file, mark = harmful
    keras.saving.load_model(file, safe_mode=False)
    assert mark.exists(), "the attack must be a real one"
    mark.unlink()
    message = "m.keras: layer 'calibration' holds a Lambda, which runs code from the file"
    with pytest.raises(ValueError, match=message):
        mmzoo.load_model(file)
    with pytest.raises(ValueError, match=message):
        mmzoo.build_road_sign_model(size="nano", weights=file)
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(ValueError, match=message):
            mmzoo.load_model(file)
    finally:
        keras.src.saving.serialization_lib.global_state.set_global_attribute("safe_mode_saving", None)
    assert not mark.exists()


def test_a_bundle_with_such_a_file_is_refused_even_with_checksums(harmful, bundle):
    file, mark = harmful
    shutil.copy(file, bundle / "model.keras")
    write_checksums(bundle)
    with pytest.raises(ValueError, match="model.keras: layer 'calibration' holds a Lambda"):
        mmzoo.load_model(bundle)
    assert not mark.exists()


class Attack:
    """What runs a command when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.mark.parametrize("kind", ["TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer", "__lambda__"])
def test_other_classes_that_run_code(tmp_path, kind):
    file, mark = tmp_path / "m.keras", tmp_path / "harm"
    tiny_model(keras.layers.Dense(4, name="calibration")).save(file)
    payload = base64.b64encode(pickle.dumps(Attack(str(mark)))).decode()
    part = {"class_name": kind, "module": "keras.layers", "config": {"module": payload, "filepath": payload}}

    def inject(text):
        tree = json.loads(text)
        (layer,) = [layer for layer in tree["config"]["layers"] if layer["config"].get("name") == "calibration"]
        layer["config"]["activation"] = part
        return json.dumps(tree)

    with pytest.raises(ValueError, match=f"m.keras: layer 'calibration' holds a {kind}, which runs code"):
        mmzoo.load_model(rewritten(file, inject))
    assert not mark.exists()


def test_classes_that_nobody_registered_and_modules_on_the_disk(tmp_path):
    file = tmp_path / "m.keras"
    tiny_model(keras.layers.Dense(4, name="calibration")).save(file)
    for module in ("os", "keras.src.utils.file_utils"):
        swap = {"module": module, "class_name": "system", "registered_name": "system"}

        def inject(text, swap=swap):
            tree = json.loads(text)
            (layer,) = [layer for layer in tree["config"]["layers"] if layer["config"].get("name") == "calibration"]
            layer.update(swap)
            return json.dumps(tree)

        with pytest.raises(ValueError, match=r"m\.keras: can't be loaded \(.*system"):
            mmzoo.load_model(rewritten(file, inject))


def test_damaged_model_files_are_named(tmp_path):
    file = tmp_path / "m.keras"
    tiny_model(keras.layers.Dense(4)).save(file)
    whole = file.read_bytes()

    def refused(content, message):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"m.keras: .*{message}"):
            mmzoo.load_model(file)

    refused(b"", "not a .keras file")
    refused(whole[: len(whole) // 2], "not a .keras file.*cut short")
    middle = whole.index(b"model.weights.h5") + 2000
    refused(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], "damaged, model.weights.h5 in it")
    file.write_bytes(whole)
    refused(rewritten(file, lambda text: text[:-5]).read_bytes(), "config.json in it is not readable")
    file.write_bytes(whole)
    newer = rewritten(file, lambda text: re.sub('"mmzoo_schema": [0-9]+', '"mmzoo_schema": 99', text))
    refused(newer.read_bytes(), "schema of version 99.*upgrade mmzoo")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "a zip of something else")
    refused(file.read_bytes(), "not a Keras model, no config.json in it")
    other = file.rename(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="m.h5: not a .keras file"):
        mmzoo.load_model(other)
