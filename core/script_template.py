"""The text of an exported PyTorch script: a template with slots, and the functions that some runs need."""

from __future__ import annotations

CLIP_JOINTLY = '''

def clip_jointly(parameters):
    """Rescales the gradients together to norm CLIP_THRESHOLD where theirs is larger (no epsilon, unlike PyTorch's)."""
    gradients = [parameter.grad for parameter in parameters]
    size = norm(*gradients)
    if size > CLIP_THRESHOLD:
        for gradient in gradients:
            gradient *= CLIP_THRESHOLD / size
'''
DROP = '''

def drop(y, rng=np.random.default_rng([SEED, 4])):
    """Sets each output to 0 with probability DROPOUT and divides the others by 1 - DROPOUT.

    PyTorch's own dropout does so too, by other random numbers.
    """
    stays = torch.from_numpy(rng.random((y.shape[1], y.shape[0])).T >= DROPOUT)
    return y * stays / (1 - DROPOUT)
'''
CLIP_UNITS = '''

def clip_units(parameter):
    """Adaptive clipping (Brock et al. 2021): each unit's gradient against its incoming weights; a bias is one unit."""
    weights, gradients = (values.reshape(-1, values.shape[-1]) for values in (parameter, parameter.grad))
    bound = CLIP_THRESHOLD * row_norms(weights).clamp(min=1e-3)
    gradients *= torch.clamp(bound / row_norms(gradients), max=1)  # a view: writes into parameter.grad
'''
CLIP_FUNCTIONS = {"global_norm": CLIP_JOINTLY, "per_layer_norm": CLIP_JOINTLY, "adaptive": CLIP_UNITS}
ROW_NORMS = '''

def row_norms(matrix):
    """The norm of each row, (rows, 1); row k of a layer's weight holds what comes into its unit k."""
    return torch.linalg.vector_norm(matrix, dim=1, keepdim=True, dtype=torch.float64)
'''
DECAY_CODE = """\
for linear in network.linears:  # decoupled, and never the biases
    linear.weight *= 1 - LEARNING_RATE * WEIGHT_DECAY"""
MAX_NORM_CODE = """\
for linear in network.linears:
    linear.weight *= torch.clamp(MAX_NORM / row_norms(linear.weight), max=1)"""
HOLDOUT_CODE = """\
with torch.no_grad():
    holdout_loss = mean_loss(network(X_holdout), D_holdout)"""
RATE_FACTOR = '''

def rate_factor(step):
    """Factor of LEARNING_RATE in a step, counted from 0."""
    progress = step / SCHEDULE_STEPS
    return $factor
'''
BATCHES = '''

def batches(samples):
    """Row numbers of each step's batch; what a shuffle leaves over opens the next one."""
    rng, order = np.random.default_rng([SEED, 3]), np.empty(0, int)
    while True:
        if len(order) < BATCH_SIZE:
            order = np.concatenate([order, rng.permutation(samples)])
        yield torch.from_numpy(order[:BATCH_SIZE])
        order = order[BATCH_SIZE:]
'''

SCRIPT = '''\
"""A run of Gradient Flow Lab as a script of its own. It needs only PyTorch and NumPy.

It draws the Lab's initial parameters, trains on the Lab's data (at the end of this file) in the Lab's order of
operations, and prints, for each recorded step, the loss and the gradient norm ||dE/dW|| of every layer, layer 1 at
the input: the state after that many updates, and the data loss alone, without penalties.

The Lab's settings, as JSON:
$json
"""

import base64
import zlib

import numpy as np
import torch

$settings


def load_data():
    """Inputs and targets of the training samples, then of those held out: one row a sample."""
    table = np.frombuffer(zlib.decompress(base64.b64decode(DATA)), "<f8").reshape(-1, WIDTHS[0] + WIDTHS[-1])
    X, D = (torch.tensor(part, dtype=DTYPE) for part in np.split(table, [WIDTHS[0]], axis=1))
    return X[:SAMPLES], D[:SAMPLES], X[SAMPLES:], D[SAMPLES:]


def draw_weights(layer, fan_in, fan_out):
    """W of one layer, (fan_in, fan_out), from a stream of its own."""
    rng = np.random.default_rng([SEED, 1, layer])
    $init


class Network(torch.nn.Module):
    """$layers.

    It returns $output.
    """

    def __init__(self):
        super().__init__()
        self.linears = torch.nn.ModuleList(
            torch.nn.Linear(fan_in, fan_out, bias=$bias, dtype=DTYPE) for fan_in, fan_out in zip(WIDTHS, WIDTHS[1:])
        )
        with torch.no_grad():
            for layer, linear in enumerate(self.linears):
                W = draw_weights(layer, linear.in_features, linear.out_features)
                linear.weight.copy_(torch.from_numpy(W.T))
                $draw_bias
                $make_norm

    def forward(self, y):
        *hidden, output = self.linears
        for $hidden_loop:
            net = linear(y)
            $normalize
            $activate
        $finish


def mean_loss(output, D):
    """E: a mean over samples of a sum over outputs."""
    $weigh
    $loss


def norm(*tensors):
    """The norm over all entries, scaled by the largest, so that squares neither overflow nor underflow."""
    values = torch.cat([tensor.flatten() for tensor in tensors]).double()
    largest = values.abs().max().item()
    return largest * torch.linalg.vector_norm(values / largest).item() if 0 < largest < float("inf") else largest
$functions

def start_recording(network, optimizer):
    """Records the run for the page Your run, where RECORDING names a file."""
    if RECORDING is None:
        return None
    try:
        from gradient_flow_lab.recorder import record
    except ImportError:
        from recorder import record  # recorder.py, which that page offers, beside this script
    return record(network, RECORDING, every=RECORD_EVERY, optimizer=optimizer)


def main():
    X, D, X_holdout, D_holdout = load_data()
    network = Network()
    optimizer = $optimizer
    $start_schedule
    run = start_recording(network, optimizer)
    $start_batches
    print("step", "loss", $holdout_name*(f"grad_norm_{layer}" for layer in range(1, len(WIDTHS))), sep=",")
    for step in range(STEPS + 1):
        $next_batch
        loss = mean_loss(network($inputs), $targets)
        optimizer.zero_grad()
        loss.backward()
        if run:
            run.step(loss)
        if step % RECORD_EVERY == 0 or step == STEPS:
            grad_norms = [norm(linear.weight.grad) for linear in network.linears]
            $measure_holdout
            print(step, loss.item(), $holdout_value*grad_norms, sep=",")
        finite = loss.isfinite() and all(parameter.grad.isfinite().all() for parameter in network.parameters())
        if not finite:
            print(f"# diverged at step {step}: a loss or a gradient is no longer finite")
        if step == STEPS or not finite:
            break
        with torch.no_grad():
            $penalize
            $clip
            $measure_clipped
            $decay
            optimizer.step()
            $next_rate
            $project
    if run:
        run.close()


# One row a sample, inputs and then targets: little-endian float64, packed by zlib, as base64.
DATA = """
$data
"""

if __name__ == "__main__":
    main()
'''
