"""A page that a reader would write instead, for move.py and wire.py: PyTorch, the same network, two charts."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

torch.set_num_threads(1)
activation = st.sidebar.selectbox("Activation", ["sigmoid", "tanh", "relu"], key="activation")
depth = int(st.sidebar.number_input("Depth", 1, 50, 10, key="depth"))
scale = st.sidebar.number_input("Init scale", 0.0, 10.0, 1.0, key="init_scale")
rate = st.sidebar.number_input("Learning rate", 0.0, 10.0, 0.01, format="%g", key="learning_rate")
steps, width, samples = 300, 32, 128

rng = np.random.default_rng(0)
angle, label = rng.uniform(0, 2 * np.pi, samples), np.arange(samples) % 2
X = np.c_[np.cos(angle), np.sin(angle)] * (1 - 0.5 * label)[:, None] + 0.1 * rng.standard_normal((samples, 2))
X = torch.tensor((X - X.mean(0)) / X.std(0))
D = torch.tensor(label[:, None].astype(float))
torch.manual_seed(0)
sizes = [2] + [width] * depth + [1]
phi = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]
parts = []
for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True):
    layer = torch.nn.Linear(fan_in, fan_out).double()
    torch.nn.init.normal_(layer.weight, 0, scale / fan_in**0.5)
    torch.nn.init.zeros_(layer.bias)
    parts += [layer, phi()]
net = torch.nn.Sequential(*parts[:-1])
optimizer = torch.optim.SGD(net.parameters(), rate)
weights = [p.weight for p in net if isinstance(p, torch.nn.Linear)]
norms, losses = [], []
for _ in range(steps):
    optimizer.zero_grad()
    loss = ((net(X) - D) ** 2).sum(1).mean()
    loss.backward()
    norms.append([float(w.grad.norm()) for w in weights])
    losses.append(float(loss.detach()))
    optimizer.step()
norms = np.array(norms)
figure = go.Figure(go.Scatter(x=np.arange(1, len(weights) + 1), y=norms[0], mode="lines+markers"))
figure.update_yaxes(type="log")
st.plotly_chart(figure, key="gradient-profile")
st.plotly_chart(go.Figure(go.Scatter(y=losses)), key="loss")
