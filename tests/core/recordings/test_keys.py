"""Names of loggers: what belongs to a recording in each of its spellings, and what only looks like it."""

import pytest

from core.recordings.keys import is_bound, parse_key, run_of, strip_run

TENSOR = "net.0.weight"
WITH_TENSOR = {
    "grad_norm": ("grad", "grads", "gradient", "gradients", "grad_2.0_norm", "grad_inf_norm", "grad_norm",
                  "grad.l2_norm"),
    "clipped_grad_norm": ("clipped_grad_norm", "clipped/grad", "grad_norm_clipped", "grad_norm_after_clip",
                          "gradient_after_clipping"),
    "weight_norm": ("weight_norm", "weights/norm", "param_norm", "params/l2_norm", "parameter_norm"),
    "update_norm": ("update_norm", "update/norm", "update.l2_norm"),
}  # fmt: skip
SPELLINGS = [(field, words) for field, all_words in WITH_TENSOR.items() for words in all_words]
OTHERS = ("hist", "histogram", "mean", "std", "var", "max", "min", "sparsity", "cosine", "angle", "clip", "clip_value",
          "accum", "accumulated", "step", "steps", "time", "noise")  # fmt: skip


@pytest.mark.parametrize("field, words", SPELLINGS)
def test_the_words_for_a_norm_may_stand_before_or_behind_the_tensor_and_after_the_loggers_own(field, words):
    for name in (f"{words}/{TENSOR}", f"train/{words}/{TENSOR}", f"metrics/{words}/{TENSOR}", f"{TENSOR}/{words}"):
        assert parse_key(name) == (field, TENSOR), name
        assert parse_key(name.upper()) == (field, TENSOR.upper()), name


@pytest.mark.parametrize("word", OTHERS)
def test_what_is_measured_of_gradients_besides_their_norm_is_none(word):
    assert parse_key(f"grad_norm/{word}") is None
    assert parse_key(f"grad/{word}/{TENSOR}") is None
    if not word.startswith(("clip", "accum")):  # of these any ending
        assert parse_key(f"grad_norm/{word}x.weight") == ("grad_norm", f"{word}x.weight")


@pytest.mark.parametrize("word", ["total", "global", "all", "overall", "model", "Total"])
def test_the_norm_of_all_gradients_is_a_number_of_the_step(word):
    assert parse_key(f"grad_norm/{word}") == ("global_grad_norm", None)
    assert parse_key(f"weight_norm/{word}") is None  # no field of a recording


@pytest.mark.parametrize(
    "field, names",
    [
        ("loss", ("loss", "train_loss", "train/loss", "training.loss", "batch_loss", "epoch/loss", "loss_step",
                  "loss/train", "loss_epoch", "LOSS")),
        ("learning_rate", ("lr", "learning_rate", "learning rate", "train/lr", "lr-Adam/pg1", "lr/0")),
        ("loss_scale", ("scale", "loss_scale", "grad_scale", "loss scale")),
    ],
)  # fmt: skip
def test_numbers_of_a_step_have_several_names(field, names):
    for name in names:
        assert parse_key(name) == (field, None), name


@pytest.mark.parametrize("name", ["val_loss", "test/loss", "loss_ratio", "lrs", "scaled", "upscale"])
def test_neighbors_of_these_names_are_none(name):
    assert parse_key(name) is None


@pytest.mark.parametrize("ending", ["_step", "_epoch", "/step", ".epoch", "-step"])
def test_lightnings_ending_is_no_part_of_the_tensors_name(ending):
    assert parse_key(f"grad_norm/{TENSOR}{ending}") == ("grad_norm", TENSOR)


def test_a_run_stands_before_a_dash_and_bounds_end_in_capitals():
    assert (run_of("a - b - grad/x"), strip_run("a - b - grad/x")) == ("a - b", "grad/x")
    assert (run_of("grad/x"), strip_run("grad/x")) == ("", "grad/x")
    assert [is_bound(name) for name in ("x__MIN", "x__MAX", "x__min", "x__MINUS", "MAX")] == [True, True] + [False] * 3
