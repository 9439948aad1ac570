"""Presets of keras-hub: pretrained backbones from a folder on disk or, online, by name.

A preset is a folder with config.json, model.weights.h5 and, for texts, the tokenizer's vocabulary, or for pictures the
scaling: what `save_to_preset` of keras-hub writes; or a folder of Hugging Face's; or one of the encoders that
installable packages carry, see `mmzoo.pretrained`. keras-hub is imported when one is first asked for.
"""

from __future__ import annotations

import json
import pathlib
import threading

from mmzoo.pretrained import ENCODERS, Encoder, PresetError, encoder_named, folder_identity
from mmzoo.schema import Text

# Short names for small presets that keras-hub downloads.
TEXT_PRESETS = {
    "bert": "bert_tiny_en_uncased",
    "distilbert": "distil_bert_base_en_uncased",
    "electra": "electra_small_discriminator_uncased_en",
    "minilm": "all_minilm_l6_v2_en",
}
IMAGE_PRESETS = {
    "densenet": "densenet_121_imagenet",
    "efficientnet": "efficientnet_b0_ra_imagenet",
    "mobilenet": "mobilenet_v3_small_050_imagenet",
    "resnet": "resnet_18_imagenet",
    "vit": "vit_base_patch16_224_imagenet",
}
# Hugging Face's folders hold safetensors.
_EXTRA = "pip install 'mmzoo[pretrained]'"
# The first answer is a file of some 1,000 bytes: who hasn't given it by then is out of reach.
ANSWER_SECONDS = 60.0


def resolve_preset(preset: str | pathlib.Path) -> str:
    """What keras-hub is asked for.

    Args:
        preset: a folder that holds a preset, the name of an encoder whose package is installed ("minilm"), a short name
            ("bert", "mobilenet"), or a name that keras-hub knows ("bert_base_en", "kaggle://...", "hf://...").

    Returns:
        The folder's path, or the name for keras-hub.

    Raises:
        PresetError: a folder without a config.json, or an encoder's files are not those that mmzoo knows.
    """
    encoder = packaged(preset)
    if encoder is not None and encoder.preset:
        return str(encoder.check() / encoder.preset)
    path = pathlib.Path(preset)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise PresetError(f"{path}: no preset of keras-hub, no config.json in it; write one with save_to_preset")
        return str(path)
    name = str(preset)
    return {**TEXT_PRESETS, **IMAGE_PRESETS}.get(name, name)


def is_preset(name: str | pathlib.Path) -> bool:
    """Whether a name is a preset folder, an encoder, a short name, or written as keras-hub's addresses are."""
    known = {**TEXT_PRESETS, **IMAGE_PRESETS, **ENCODERS}
    return pathlib.Path(name).is_dir() or str(name) in known or "://" in str(name)


def packaged(preset: str | pathlib.Path) -> Encoder | None:
    """The encoder that a package carries under a name; None for all others, and where keras-hub has to fetch it."""
    encoder = encoder_named(preset)
    return encoder if encoder and (encoder.is_here or encoder.name not in TEXT_PRESETS) else None


def is_here(preset: str | pathlib.Path) -> bool:
    """Whether a preset can be had without the network: a folder, or an encoder whose package is installed."""
    encoder = encoder_named(preset)
    return encoder.is_here if encoder else pathlib.Path(preset).is_dir()


def identity_of(preset: str | pathlib.Path) -> str | None:
    """What the features of a frozen preset depend on; None where that can't be told without reading all of it."""
    encoder = packaged(preset)
    if encoder is not None:
        return encoder.identity
    folder = pathlib.Path(preset)
    return folder_identity(folder) if folder.is_dir() else None


def load_backbone(preset: str | pathlib.Path, *, load_weights: bool = True):
    """The preset's `keras_hub.models.Backbone`, in float32.

    Args:
        preset: see `resolve_preset`.
        load_weights: False leaves the weights as they were drawn.

    Raises:
        PresetError: there is no such folder, and the preset can't be downloaded; or the folder is not whole, or its
            weights are of another network.
    """
    import keras_hub

    encoder = packaged(preset)
    if encoder is not None and encoder.build:
        return encoder.backbone(load_weights=load_weights)
    network = _load(keras_hub.models.Backbone, preset, load_weights=load_weights, dtype="float32")
    if load_weights:
        _check_weights_fit(network, pathlib.Path(preset))
    return network


def load_image_converter(preset: str | pathlib.Path):
    """The preset's `keras_hub.layers.ImageConverter`, which knows the size and scaling of its pictures.

    Args:
        preset: see `resolve_preset`.

    Raises:
        PresetError: no such preset, or one without image_converter.json.
    """
    import keras_hub

    encoder = packaged(preset)
    if encoder is not None and encoder.converter:
        return encoder.converter()
    return _load(keras_hub.layers.ImageConverter, preset)


def text_for_preset(preset: str | pathlib.Path, length: int) -> Text:
    """The `Text` input of a schema that gives a text preset, or word vectors, the ids they were trained on.

    Args:
        preset: see `resolve_preset`.
        length: steps, the marks at start and end included.

    Raises:
        PresetError: no such preset.
        ValueError: its tokenizer is none that the device runtime has a twin of.
    """
    encoder = packaged(preset)
    if encoder is not None and encoder.vectors:
        words, _ = encoder.vectors(encoder.check())
        # Without pieces that go on ("##..."), a word is in the vocabulary as a whole or unknown.
        return Text(length, tokenizer="wordpiece", vocabulary=words, lowercase=True)
    import keras_hub

    tokenizer = _load(keras_hub.tokenizers.Tokenizer, preset)
    kind = type(tokenizer).__name__
    if not isinstance(tokenizer, keras_hub.tokenizers.WordPieceTokenizer):
        raise ValueError(
            f"preset {str(preset)!r}: has a {kind}; supported are presets with word pieces (BERT, DistilBERT, ELECTRA, "
            "MiniLM, BGE): on the device texts are cut up in pure Python, and there is such a twin for word pieces "
            "only, none for byte pairs (RoBERTa, GPT-2) or SentencePiece (ALBERT, DeBERTa, F-Net)"
        )
    wanted = {
        "strip_accents": False,
        "split": True,
        "split_on_cjk": True,
        "suffix_indicator": "##",
        "oov_token": "[UNK]",
        "special_tokens_in_strings": False,
    }
    for option, value in wanted.items():
        found = getattr(tokenizer, option)
        if found != value:
            raise ValueError(
                f"preset {str(preset)!r}: its {kind} has {option}={found!r}; the device's twin does {value!r} only"
            )
    vocabulary = tuple(tokenizer.get_vocabulary())
    if vocabulary[0] != "[PAD]":
        raise ValueError(
            f"preset {str(preset)!r}: id 0 is {vocabulary[0]!r}; expected '[PAD]', as 0 is padding everywhere in mmzoo"
        )
    marks = {mark: mark if mark in vocabulary else "" for mark in ("[CLS]", "[SEP]")}
    return Text(
        length,
        tokenizer="wordpiece",
        vocabulary=vocabulary,
        lowercase=bool(tokenizer.lowercase),
        start=marks["[CLS]"],
        end=marks["[SEP]"],
        strip_accents=_strips_accents(preset),
    )


def _strips_accents(preset):
    """Whether the network was trained on letters without accents: as Hugging Face's description of a tokenizer says.

    keras-hub lower-cases, but leaves accents on, whatever the vocabulary was made for.
    """
    file = pathlib.Path(resolve_preset(preset)) / "tokenizer_config.json"
    if not file.is_file():
        return resolve_preset(preset) == TEXT_PRESETS["minilm"]
    said = json.loads(file.read_text(encoding="utf-8"))
    strips = said.get("strip_accents")
    return bool(said.get("do_lower_case", False)) if strips is None else bool(strips)


def image_size_for_preset(preset: str | pathlib.Path) -> tuple[int, int]:
    """Height and width, in pixels, of the pictures that an image preset was trained on.

    Args:
        preset: see `resolve_preset`.

    Raises:
        PresetError: no such preset, or one without image_converter.json.
        ValueError: the preset doesn't say; networks without attention take any size.
    """
    size = load_image_converter(preset).image_size
    if size is None:
        raise ValueError(f"preset {str(preset)!r}: doesn't say which size of pictures it takes; choose one yourself")
    return int(size[0]), int(size[1])


def _load(kind, preset, **arguments):
    encoder = packaged(preset)
    if encoder is not None and not encoder.preset:
        raise PresetError(f"preset {encoder.name!r}: is no preset of keras-hub; it is for {encoder.kind}=")
    name = resolve_preset(preset)
    is_folder = pathlib.Path(name).is_dir()
    if not is_folder:
        _check_answers(name, preset)
    try:
        return kind.from_preset(name, **arguments)
    except FileNotFoundError as error:
        raise PresetError(f"preset {str(preset)!r}: {error}") from error
    except ImportError as error:
        raise PresetError(f"preset {str(preset)!r}: needs {error.name}, which is not installed: {_EXTRA}") from error
    except Exception as error:
        if is_folder:
            reason = " ".join(str(error).split())
            raise PresetError(
                f"{name}: can't be read as a preset ({reason:.200}); a file is cut or damaged, or they are not of one "
                "preset: config.json, the weights and the tokenizer belong together. Fetch it anew, or write it anew "
                "with save_to_preset"
            ) from error
        raise _out_of_reach(preset, name, error) from error


def _check_weights_fit(network, folder):
    """Refuses weights of a larger network: Keras would take what it has room for, and nobody would see it."""
    file = folder / "model.weights.h5"
    if not file.is_file():
        return
    import h5py

    held = []
    with h5py.File(file) as weights:
        weights.visititems(lambda path, part: held.append(path) if isinstance(part, h5py.Dataset) else None)
    if len(held) > len(network.variables):
        raise PresetError(
            f"{folder}: its weights are of another network: {len(held)} arrays, where the {type(network).__name__} of "
            f"config.json has {len(network.variables)}; both files must be of one preset"
        )


def _check_answers(name, preset):
    """Fetches the preset's description in a thread, since what keras-hub downloads with may wait for ever."""
    from keras_hub.src.utils.preset_utils import get_preset_loader

    errors = []

    def ask():
        try:
            get_preset_loader(name)
        except Exception as error:
            # Whatever the network layers below raise, it is handed over to the thread that waits.
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if thread.is_alive():
        raise _out_of_reach(preset, name, f"no answer within {ANSWER_SECONDS:.0f} s")
    if errors:
        raise _out_of_reach(preset, name, errors[0]) from errors[0]


def _out_of_reach(preset, name, reason):
    known = {**TEXT_PRESETS, **IMAGE_PRESETS}
    called = f" ({name})" if name != str(preset) else ""
    encoder = encoder_named(preset)
    install = f"; or install it: {encoder.install}" if encoder else ""
    reason = " ".join(str(reason).split())
    return PresetError(
        f"preset {str(preset)!r}{called}: is no folder, and keras-hub can't fetch it by name, which needs the network "
        f"or what an earlier download left in its cache ({reason:.200}). Give the path of a preset's folder instead "
        f"(download it elsewhere, or write one with save_to_preset){install}; short names are {sorted(known)}"
    )
