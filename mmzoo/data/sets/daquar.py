"""DAQUAR (Malinowski & Fritz, NIPS 2014): questions of people about photos of rooms (NYU Depth v2).

A folder holds metadata.csv (path, question, answer, answer_words) and the photos. A fifth of the *photos*, those whose
name has a certain hash, is for validation with all that is asked about them: 177 of the 794 it was made for.

The model chooses from `ANSWERS`, so **questions with another answer are left out, and counted in the note**: answers of
several words (a list of things), and those that occur once only in the training rows. In validation that is 223 of
1,494 rows, of which 79 have an answer of one word. A figure over all rows, the rest counted as wrong, is the measured
accuracy times 0.851; over all rows whose answer is one word, times 0.941.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, hashed_part, read_metadata, refuse_empty
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

NOTE = "photos, questions and answers real, nothing simulated"
COLUMNS = ("path", "question", "answer")
# Of one word, twice or more in the training rows.
ANSWERS = tuple(
    """
    1 10 11 14 16 2 3 4 5 6 7 8 9 air_conditioner air_vent alarm_clock baby_chair backpack bag ball banana
    banister bar_of_soap basket bathtub bean_bag bed bed_sheets bench bicycle bicycle_helmet black blackboard
    blanket blinds blue board book bookrack books bookshelf bottle bottle_of_hand_wash_liquid bottle_of_liquid
    bottle_of_soap bowl box bread briefcase broom brown bunk_bed cabinet cables candelabra candle candlestick
    carton case chair chandelier chessboard clock cloth_bag cloth_drying_stand clothes clothing_detergent
    clothing_hanger coat_hanger coffee_machine column comforter computer container cooking_pan cordless_phone
    cordless_telephone cream cream_tube crib cup curtain decoration_item decorative_item decorative_plate desk
    desk_mat dishwasher display_case dog doll door door_knob door_lock door_way drawer drawer_knob dvd dvd_player
    electric_mixer electrical_kettle excercise_ball excercise_equipment excercise_machine fan faucet file
    fire_extinguisher fireplace floor floor_mat flower_pot foosball_table framed_certificate fruit game_table
    garbage_bag garbage_bin glass glass_container glass_rack glass_ware globe globe_stand gray green green_screen
    grill guitar hair_dryer hand_sanitizer hangers hat heater hockey_stick hot_water_heater ironing_board jacket
    jug juicer keyboard kitchen_utensil kitchen_utensils knife knife_rack knob ladder lamp lamp_shade laptop
    laundry_basket light light_bulb light_switch machine magazine magnet mantel map mask microwave mirror monitor
    mouse napkin napkin_dispenser newspapers night_stand notecards oil_container orange ornamental_item
    ornamental_plant oven paper paper_holder paper_tray papers pen pen_cup pen_stand person photo photo_album
    piano piano_bench picture pillow ping_pong_racket pink pipe plant plant_pot plastic_box plastic_cup_of_coffee
    plastic_tray plate poster_board pot printer projector projector_screen purple radiator radio red refridgerator
    remote_control roll_of_toilet_paper room_divider rug salt_and_pepper scissor sheets shelves shirts_in_hanger
    shoe shoe_rack show_piece shower_curtain sink soap sofa soft_toy speaker sponge spot_light stacked_chairs
    stairs stand stapler sticker stool storage_rack stove stroller suitcase table table_runner tablecloth
    tea_kettle telephone television tissue tissue_box tissue_roll toaster toaster_oven toilet toiletries
    toothbrush towel towel_rod toy toy_chair toy_doll toy_horse toy_house toy_shelf toys_shelf tray treadmill
    trolley tupperware tv_stand utensil utensil_container vase vessel wall wall_decoration wardrobe
    washing_machine water_heater white whiteboard window window_cover wine_bottle wine_glass wire yellow yoga_mat
    """.split()
)


@data_set(
    about="DAQUAR, photos of rooms and questions about them",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the photos",
    licence="none stated; the photos (NYU Depth v2) are for research",
    weights_may_ship=False,
    group="photo",
)
def load_daquar(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Photos, questions and answers of a split, those left out whose answer the model can't give.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `image` and `question` are encoded, any other is missing; `answer` knows the answers.
        fold: None, there is one split.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one photo; the target `answer` is int32 (N,). Their note says
        how many are left out.

    Raises:
        FileNotFoundError: the table or a photo is missing.
        ValueError: an empty question, a broken photo, or no question is left; the message names file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    refuse_empty(table, "question", data_dir)
    if split != ALL:
        held_out = table["path"].map(is_validation).to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    asked, known = len(table), schema["answer"].classes
    table = table[table["answer"].isin(known)]
    if table.empty:
        raise ValueError(f"{data_dir / FILE}: none of the {len(known)} answers that the model knows is among the rows")
    note = f"{NOTE}; {asked - len(table):,} of {asked:,} questions left out, whose answer is none of {len(known)}"
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    photos, questions = table["path"].tolist(), table["question"].tolist()
    answers = classes_of(table, "answer", known, data_dir)
    columns = {"image": photos, "question": questions}
    inputs = encoded(schema, columns, table, data_dir)
    note += findings(schema, columns, inputs)
    ids = [f"{row}: {photo}: {question}" for row, photo, question in zip(table.index, photos, questions, strict=True)]
    raw = {"question": questions} if "question" in inputs else {}
    return Samples(inputs, {"answer": answers}, note, ids=ids, groups=np.array(photos), raw=raw)


def is_validation(path: str) -> bool:
    """Whether a photo is held out.

    Args:
        path: of the photo, in any folder.
    """
    return hashed_part(f"daquar/{path.rsplit('/', 1)[-1]}", 5) == 4
