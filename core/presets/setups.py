"""Named set-ups and papers to run again, each with the claim it carries; tests hold every one to it."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RunConfig
from ..papers import (
    clipping,
    edge_of_stability,
    glorot_2010,
    hanin_nica,
    he_2015,
    nielsen_ch5,
    saxe,
    schoenholz_2017,
)
from ..papers.entry import CHECKED, MEMORY, QUALITATIVE, SECOND_HAND, Formula, Paper


@dataclass(frozen=True)
class Preset:
    """One set-up.

    Attributes:
        name, label: its key in SETUPS, and what a reader sees.
        description: the claim, one or two sentences.
        config: all settings.
    """

    name: str
    label: str
    description: str
    config: RunConfig


_RELU = RunConfig(activation="relu", init="he_normal")
_BLOBS = RunConfig(
    dataset="blobs",
    loss="cross_entropy",
    output_activation="softmax",
    activation="relu",
    batch_size=64,
    learning_rate=0.05,
)
_EXPLODING = _BLOBS.replace(hidden=(32,) * 20, init_scale=1.8)
_CLIPPED = _EXPLODING.replace(clip="global_norm", clip_threshold=1.0)
_LARGE = RunConfig(activation="relu", init_scale=1.6, learning_rate=0.05)
_DEEP = _BLOBS.replace(hidden=(32,) * 50, init_scale=0.14)

PRESETS: dict[str, Preset] = {
    member.name: member
    for member in (
        Preset(
            "sigmoid",
            "Deep sigmoid: the gradient vanishes",
            "Each of ten sigmoid layers passes on about a quarter of the gradient. The first one typically gets 1e-8 "
            "to 1e-7 of what the output layer gets, and the network learns no more than the mean of the targets.",
            RunConfig(),
        ),
        Preset(
            "tanh",
            "Tanh in balance",
            "The same depth with tanh and Glorot's init: the gradient arrives nearly at its full size, and the network "
            "learns to tell the rings apart.",
            RunConfig(activation="tanh", init="glorot_normal"),
        ),
        Preset(
            "relu",
            "ReLU with He's init",
            "ReLU drops half of the signal's power, and He's init makes up for it by twice the variance: level "
            "gradients, and every sample is learned.",
            _RELU,
        ),
        Preset(
            "dead",
            "Dead ReLUs",
            "Adam at a learning rate of 0.3 throws units so far that they are silent on every sample. Once a whole "
            "layer is, no gradient gets past it, and the loss stands still near ln 2.",
            _RELU.replace(loss="bce", output_activation="sigmoid", optimizer="adam", learning_rate=0.3),
        ),
        Preset(
            "underflow",
            "Underflow in float32",
            "Eighty sigmoid layers in float32: the gradient falls below what this dtype can hold, and the layers near "
            "the input get exactly 0. In float64 it would be tiny, but there.",
            RunConfig(hidden=(16,) * 80, dtype="float32"),
        ),
        Preset(
            "exploding",
            "Exploding: the run diverges",
            "ReLU with weights 1.27 times larger than He's, 20 layers deep: activations and gradients both grow from "
            "layer to layer, and the run diverges within five steps.",
            _EXPLODING,
        ),
        Preset(
            "clipped",
            "Exploding, rescued by clipping",
            "The same network with the global norm clipped at 1. The gradient still explodes at initialization, but no "
            "step is longer than the learning rate, and the network learns every sample.",
            _CLIPPED,
        ),
        Preset(
            "large_weights",
            "Large weights: the run diverges",
            "Ten ReLU layers with weights slightly too large for this learning rate: on 15 of 16 seeds the run "
            "diverges, typically at step 3.",
            _LARGE,
        ),
        Preset(
            "max_norm",
            "Large weights, held by max-norm",
            "A bound of 1 on each unit's incoming weights ends the explosion at the first step, and on 14 of 16 seeds "
            "the network learns. L1, L2 and weight decay cannot do that: they take a small share of the weights at "
            "each step, which comes too late; strong enough to stop the explosion, they also remove what could be "
            "learned.",
            _LARGE.replace(max_norm=1.0),
        ),
        Preset(
            "deep",
            "Depth 50, plain",
            "Fifty ReLU layers with small weights: signal and gradient both fade to about 1e-51. All weight gradients "
            "are equally small here, so only the gradient at the net inputs shows that it vanishes.",
            _DEEP,
        ),
        Preset(
            "deep_residual",
            "Depth 50, residual",
            "Each layer adds to what it got, so the gradient has a way around every layer: level at initialization. "
            "On 10 of 16 seeds the network classifies nine samples in ten rightly after 300 steps.",
            _DEEP.replace(residual=True),
        ),
        Preset(
            "deep_layer_norm",
            "Depth 50, layer normalization",
            "Normalizing each sample keeps the gradients of all layers within two decades at initialization. Yet the "
            "network does not learn: by then all samples look alike.",
            _DEEP.replace(normalization="layer"),
        ),
        Preset(
            "deep_batch_norm",
            "Depth 50, batch normalization",
            "Normalizing over the batch keeps samples apart, at a price: each layer multiplies the gradient by about "
            "1.2 on its way back, and the first layer gets more than ten thousand times what the output layer gets.",
            _DEEP.replace(normalization="batch"),
        ),
    )
}

_CHI = Formula(
    r"\chi = \sigma_w^2\, \mathbb E\left[\varphi'(z)^2\right],\quad z \sim \mathcal N(0, q^*)",
    r"$\chi$: what one layer multiplies the squared gradient by; $\sigma_w^2 / \text{fan\_in}$: the variance of a "
    r"weight; "
    r"$\varphi'$: the slope of the activation; $q^*$: the variance of net inputs at which it no longer changes from "
    r"layer to layer.",
    "Schoenholz et al. 2017",
)

PAPERS: dict[str, Paper] = {
    member.name: member
    for member in (
        Paper(
            name="nielsen_ch5",
            label="Nielsen, ch. 5",
            subject="Sigmoid layers learn at unequal speeds",
            title="Neural Networks and Deep Learning, chapter 5: Why are deep neural networks hard to train?",
            authors="Michael Nielsen",
            year=2015,
            link="http://neuralnetworksanddeeplearning.com/chap5.html",
            claims=(
                (
                    "In sigmoid networks with 2, 3 and 4 hidden layers of 30 units, each layer learns several times "
                    "more slowly than the one after it: speeds 0.07 and 0.31; 0.012, 0.060 and 0.283; 0.003, 0.017, "
                    "0.070 and 0.285.",
                    MEMORY,
                ),
            ),
            settings=(
                "sigmoid, 784 inputs, 2 to 4 hidden layers of 30 units, 10 outputs",
                "weights N(0, 1/fan_in), biases N(0, 1) on every layer, cross-entropy with sigmoid outputs",
                "1,000 samples; the norm of the mean delta over them, at initialization; 100 networks of each depth",
            ),
            caveat="The book uses MNIST's handwritten digits. Here are synthetic images with as many lit pixels, and "
            "the book's one network is put beside a hundred.",
            formulas=(
                Formula(
                    r"\left\lVert \tfrac1N \textstyle\sum_n \delta_n^l \right\rVert = "
                    r"\left\lVert \partial E / \partial b^l \right\rVert",
                    r"$\delta_n^l = \partial E_n / \partial z_n^l$ for sample $n$ of $N$, with $z^l$ the net input of "
                    r"layer $l$ and $b^l$ its biases: what the book calls the speed at which layer $l$ learns.",
                    "Nielsen, chapter 5",
                ),
                _CHI,
            ),
            networks=(("four hidden layers", nielsen_ch5.CONFIG.replace(dataset="digits")),),
            own_data=True,
            run=nielsen_ch5.run,
        ),
        Paper(
            name="glorot_2010",
            label="Glorot & Bengio 2010",
            subject="An init that keeps gradients level in tanh networks",
            title="Understanding the difficulty of training deep feedforward neural networks",
            authors="Xavier Glorot, Yoshua Bengio",
            year=2010,
            link="https://proceedings.mlr.press/v9/glorot10a.html",
            claims=(
                (
                    "With the normalized init the average singular value of a layer's Jacobian, and the ratio between "
                    "neighboring layers that goes with it, is around 0.8; with the standard one it drops to 0.5.",
                    CHECKED,
                ),
                ("Gradients at net inputs shrink on their way down with the standard init only (fig. 7).", CHECKED),
                ("Weight gradients do not, even with the standard init (fig. 8).", CHECKED),
            ),
            settings=(
                "tanh, 1,024 inputs, 5 hidden layers of 1,000 units, 10 softmax outputs, zero biases",
                "standard init: uniform on ±1/√n; normalized: uniform on ±√(6 / (fan_in + fan_out))",
                "300 samples with standard normal inputs, at initialization",
            ),
            caveat="The paper draws its figures from image data; here inputs are random numbers. Its figures of 0.8 "
            "and 0.5 stand for a singular value and for a ratio of sizes at once, which for random matrices differ by "
            "15 %: the mean of the singular values is less than the root of their mean square.",
            formulas=(
                Formula(
                    r"\operatorname{Var} W = \frac{1}{3n} \;\text{(standard)},\qquad "
                    r"\operatorname{Var} W = \frac{2}{\text{fan\_in} + \text{fan\_out}} \;\text{(normalized)}",
                    r"$n$: units of the layer before; a uniform number on $\pm a$ has variance $a^2 / 3$.",
                    "Glorot & Bengio 2010, eq. 1 and 16",
                ),
                Formula(
                    r"J^l = \frac{\partial z^{l+1}}{\partial z^l} = \operatorname{diag}(\varphi'(z^l))\, W^{l+1}",
                    r"$z^l$: net inputs of layer $l$; $W^{l+1}$: the weights that follow, from unit $i$ (row) to $j$.",
                    "Glorot & Bengio 2010, section 4.2.1",
                ),
            ),
            networks=tuple(
                (f"{name} init", glorot_2010.CONFIG.replace(dataset="digits", **init))
                for name, init in glorot_2010.INITS.items()
            ),
            own_data=True,
            run=glorot_2010.run,
        ),
        Paper(
            name="he_2015",
            label="He et al. 2015",
            subject="An init for ReLU, and 30 layers that stall without it",
            title="Delving deep into rectifiers",
            authors="Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun",
            year=2015,
            link="https://arxiv.org/abs/1502.01852",
            claims=(
                ("With 22 layers both inits converge, He's earlier (fig. 2).", SECOND_HAND),
                (
                    "With 30 layers Xavier's completely stalls, its gradients diminish; He's converges (fig. 3).",
                    SECOND_HAND,
                ),
            ),
            settings=(
                "ReLU, 20 inputs, 22 or 30 hidden layers of 100 units, 10 softmax outputs, zero biases, cross-entropy",
                "weights N(0, 2/fan_in) (He) or N(0, 1/fan_in) (Xavier, equal widths)",
                "512 samples in ten blobs (noise 0.4); SGD, learning rate 0.02, batches of 64; 3 networks of each",
            ),
            caveat="The paper trains convolutional networks on ImageNet for many epochs. This task is far easier, and "
            "networks are fully connected.",
            formulas=(
                Formula(
                    r"\mathbb E\,\lVert\delta^l\rVert^2 = \tfrac12\, \sigma_w^2\; "
                    r"\mathbb E\,\lVert\delta^{l+1}\rVert^2",
                    r"$\delta^l = \partial E / \partial z^l$; ReLU passes half of the square on, so that "
                    r"$\sigma_w^2 = 2$ keeps its level and $\sigma_w^2 = 1$ halves it in every layer: "
                    r"$2^{-30} = 10^{-9}$ after 30.",
                    "He et al. 2015, section 2.2",
                ),
            ),
            networks=tuple(
                (f"30 layers, {name}", he_2015.CONFIG.replace(init_scale=scale))
                for name, scale in he_2015.SCALES.items()
            ),
            own_data=False,
            run=he_2015.run,
        ),
        Paper(
            name="schoenholz_2017",
            label="Schoenholz et al. 2017",
            subject="How deep a tanh network can be",
            title="Deep information propagation",
            authors="Samuel Schoenholz, Justin Gilmer, Surya Ganguli, Jascha Sohl-Dickstein",
            year=2017,
            link="https://arxiv.org/abs/1611.01232",
            claims=(
                ("For tanh at σ_b² = 0.05 the critical σ_w² is about 1.76.", MEMORY),
                ("A network can be trained up to a depth of about six depth scales, 6 ξ.", SECOND_HAND),
            ),
            settings=(
                "(a) tanh, 60 hidden layers of 300 units, σ_b² = 0.05, one sample, at initialization, 10 networks",
                "(b) tanh, 10 to 50 hidden layers of 100 units, readout N(0, 1/fan_in), softmax, cross-entropy; 512 "
                "samples in ten blobs (noise 0.4); SGD, learning rate 0.01, batches of 64, 400 steps; one network each",
            ),
            caveat="The paper trains on MNIST and CIFAR-10 and for longer; the task here is easier. The Lab draws the "
            "readout like every other layer.",
            formulas=(
                _CHI,
                Formula(
                    r"\xi = -\frac{1}{\ln \chi_{c^*}},\qquad L \lesssim 6\,\xi",
                    r"$\xi$: layers over which the difference between two inputs fades by a factor $e$; "
                    r"$\chi_{c^*}$: the slope of the correlation map at its fixed point $c^*$, equal to $\chi$ where "
                    r"$c^* = 1$; $L$: layers.",
                    "Schoenholz et al. 2017",
                ),
            ),
            networks=tuple(
                (f"{phase}, 50 layers", schoenholz_2017.TRAINED.replace(hidden=(100,) * 50, init_scale=variance**0.5))
                for phase, variance in schoenholz_2017.CLAIMS.items()
            ),
            own_data=False,
            run=schoenholz_2017.run,
        ),
        Paper(
            name="hanin_nica",
            label="Hanin & Nica 2018",
            subject="The size of a gradient is log-normal over draws",
            title="Products of many large random matrices and gradients in deep neural networks",
            authors="Boris Hanin, Mihai Nica",
            year=2018,
            link="https://arxiv.org/abs/1812.05994",
            claims=(
                (
                    "In a ReLU network at He's init the logarithm of the squared gradient is close to normal, with a "
                    "variance that grows like depth / width.",
                    CHECKED,
                ),
                ("To leading order that variance is β = 5 Σ 1/n over the hidden layers.", "derived again here"),
            ),
            settings=(
                "ReLU, He's init, no biases, one sample, the gradient of one random readout, at initialization",
                "width 32 with 20 hidden layers (3,000 networks), 64 with 20 (2,000), 100 with 30 (800)",
            ),
            caveat="The paper proves it; these are draws to see it by.",
            formulas=(
                Formula(
                    r"\ln \lVert\delta^l\rVert^2 \approx \mathcal N\left(-\tfrac{\beta}{2}, \beta\right),\qquad "
                    r"\beta = 5 \sum_j \frac{1}{n_j}",
                    r"$\delta^l$: the gradient at the net inputs of layer $l$, relative to its mean square; $n_j$: "
                    r"units of hidden layer $j$. The mean square stays level, the typical network's falls with "
                    r"$\beta / 2$.",
                    "Hanin & Nica 2018",
                ),
                Formula(
                    r"r = \frac2n \sum_{j=1}^n D_j\, g_j^2,\quad D_j \in \{0, 1\},\; g_j \sim \mathcal N(0, 1)",
                    r"$r$: what one layer of $n$ units multiplies the square by; the variance of $\ln r$, summed "
                    r"exactly over how many units are active, is “every order” in the table.",
                    "the chi-squared distribution's logarithm; He et al. 2015 for the factor 2",
                ),
            ),
            networks=(
                ("width 32, 20 layers", hanin_nica.CONFIG.replace(hidden=(32,) * 20, dataset="gaussian", samples=128)),
            ),
            own_data=True,
            run=hanin_nica.run,
        ),
        Paper(
            name="edge_of_stability",
            label="Cohen et al. 2021",
            subject="Sharpness rises to 2 / learning rate",
            title="Gradient descent on neural networks typically occurs at the edge of stability",
            authors="Jeremy Cohen, Simran Kaur, Yuanzhi Li, J. Zico Kolter, Ameet Talwalkar",
            year=2021,
            link="https://arxiv.org/abs/2103.00065",
            claims=(
                (
                    "Sharpness rises until it hovers at, or just above, 2 / learning rate, while the loss goes on "
                    "falling, though not monotonically.",
                    CHECKED,
                ),
            ),
            settings=(
                "tanh, 1 input, 2 hidden layers of 50 units, 1 linear output, N(0, 1/fan_in), zero biases",
                "20 points of the Chebyshev polynomial T₄ on [−1, 1], mean squared error, gradient descent on all "
                "points",
                "learning rate 0.04 for 4,000 steps and 0.02 for 12,000; 4 networks of each",
            ),
            caveat="The task is the paper's kind of toy problem. At the smaller learning rate not every network has "
            "reached the limit within these steps, and one that has not falls monotonically until then.",
            formulas=(
                Formula(
                    r"\text{sharpness} = \lambda_{\max}\left(\nabla^2 E\right),\qquad "
                    r"\text{stable on a quadratic} \iff \eta < \frac{2}{\lambda_{\max}}",
                    r"$\nabla^2 E$: the Hessian of the loss in all weights and biases; $\lambda_{\max}$: its largest "
                    r"eigenvalue, found by Lanczos from products $\nabla^2 E\, v$; $\eta$: the learning rate.",
                    "Cohen et al. 2021; Pearlmutter 1994 for the products",
                ),
            ),
            networks=(("learning rate 0.04, on the sine", edge_of_stability.CONFIG.replace(dataset="sine")),),
            own_data=True,
            run=edge_of_stability.run,
        ),
        Paper(
            name="clipping",
            label="Pascanu et al. 2013",
            subject="Clipping rescues exploding gradients",
            title="On the difficulty of training recurrent neural networks",
            authors="Razvan Pascanu, Tomas Mikolov, Yoshua Bengio",
            year=2013,
            link="https://arxiv.org/abs/1211.5063",
            claims=(
                (
                    "Rescaling the gradient when its norm exceeds a threshold keeps a network with exploding "
                    "gradients in training.",
                    QUALITATIVE,
                ),
            ),
            settings=(
                "ReLU, 20 inputs, 20 hidden layers of 64 units, 10 softmax outputs, cross-entropy, N(0, 2.5/fan_in)",
                "512 samples in ten blobs (noise 0.4); SGD, learning rate 0.05, batches of 64, 300 steps; 6 networks",
                "global norm clipped at 10, 1 or 0.1, or not at all",
            ),
            caveat="The paper's networks are recurrent: there the layers are the steps in time, and share their "
            "weights.",
            formulas=(
                Formula(
                    r"g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)",
                    r"$g$: the gradient in all weights and biases jointly; $c$: the threshold.",
                    "Pascanu et al. 2013, algorithm 1",
                ),
            ),
            networks=(
                ("not clipped", clipping.CONFIG),
                ("clipped at 1", clipping.CONFIG.replace(clip="global_norm", clip_threshold=1.0)),
            ),
            own_data=False,
            run=clipping.run,
        ),
        Paper(
            name="saxe",
            label="Saxe et al. 2013",
            subject="Orthogonal weights keep every direction",
            title="Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
            authors="Andrew Saxe, James McClelland, Surya Ganguli",
            year=2013,
            link="https://arxiv.org/abs/1312.6120",
            claims=(
                (
                    "However well scaled, a product of many Gaussian matrices sends almost every direction to zero; "
                    "one of orthogonal matrices keeps them all.",
                    QUALITATIVE,
                ),
            ),
            settings=(
                "linear, 100 weight matrices of 100 × 100, no biases, at initialization",
                "Gaussian N(0, 1/100), or orthogonal",
            ),
            caveat="The paper also follows how such networks learn; here is their start only.",
            formulas=(
                Formula(
                    r"\ln \sigma_i \approx \frac L2 \left( \ln \frac2n + \psi\left(\frac{n - i + 1}{2}\right) \right)",
                    r"$\sigma_i$: the $i$-th largest singular value of a product of $L$ Gaussian matrices of "
                    r"$n \times n$ entries with variance $1/n$; $\psi$: the digamma function.",
                    "Newman 1986, “The distribution of Lyapunov exponents”",
                ),
            ),
            networks=tuple(
                (f"{init} init, 99 layers", saxe.CONFIG.replace(init=init, dataset="gaussian", samples=32))
                for init in ("normal", "orthogonal")
            ),
            own_data=True,
            run=saxe.run,
        ),
    )
}
