"""The ring GAN as JAX trains it: `vmap` over seeds, `scan` over steps, `jit` around both. `engine.py` is its rival.

Same networks (2x64, leaky ReLUs), batch, loss and Adam as `benchmarks/engine.py`; random numbers are drawn inside.
"""

from collections.abc import Callable

BATCH, LATENT, WIDTH = 128, 64, 64


def ten_steps(members: int) -> Callable[[], object]:
    """A function that trains all members for ten steps and waits until they are done."""
    import jax
    import jax.numpy as jnp

    def network(key, sizes):
        keys = jax.random.split(key, len(sizes) - 1)
        pairs = zip(keys, sizes, sizes[1:], strict=False)
        return [(jax.random.normal(k, (a, b)) * a**-0.5, jnp.zeros(b)) for k, a, b in pairs]

    def forward(layers, x, slope):
        for weight, bias in layers[:-1]:
            x = x @ weight + bias
            x = jnp.where(x > 0, x, slope * x)
        return x @ layers[-1][0] + layers[-1][1]

    def G(g, z):
        return forward(g, z, 0.0)

    def D(d, x):
        return forward(d, x, 0.2)

    def d_loss(d, g, real, z):
        return jax.nn.softplus(-D(d, real)).mean() + jax.nn.softplus(D(d, G(g, z))).mean()

    def g_loss(g, d, z):
        return jax.nn.softplus(-D(d, G(g, z))).mean()

    def adam(p, grad, m, v, t, lr=2e-4, b1=0.5, b2=0.999):
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grad)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grad)
        c1, c2 = 1 - b1**t, 1 - b2**t
        return jax.tree.map(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), p, m, v), m, v

    angles = jnp.arange(8) * jnp.pi / 4
    modes = jnp.stack([2 * jnp.cos(angles), 2 * jnp.sin(angles)], 1)

    def step(state, key):
        g, d, mg, vg, md, vd, t = state
        t, keys = t + 1, jax.random.split(key, 3)
        real = modes[jax.random.randint(keys[0], (BATCH,), 0, 8)] + 0.02 * jax.random.normal(keys[1], (BATCH, 2))
        z = jax.random.normal(keys[2], (BATCH, LATENT))
        d, md, vd = adam(d, jax.grad(d_loss)(d, g, real, z), md, vd, t)
        g, mg, vg = adam(g, jax.grad(g_loss)(g, d, z), mg, vg, t)
        return (g, d, mg, vg, md, vd, t), None

    def start(key):
        a, b = jax.random.split(key)
        g, d = network(a, [LATENT, WIDTH, WIDTH, 2]), network(b, [2, WIDTH, WIDTH, 1])
        zeros = [jax.tree.map(jnp.zeros_like, player) for player in (g, g, d, d)]
        return (g, d, *zeros, 0.0)

    @jax.jit
    def ten(states, key):
        keys = jax.random.split(key, (members, 10))
        return jax.vmap(lambda s, k: jax.lax.scan(step, s, k)[0])(states, keys)

    state = {"now": jax.vmap(start)(jax.random.split(jax.random.key(0), members)), "key": jax.random.key(1)}

    def run():
        state["key"], key = jax.random.split(state["key"])
        state["now"] = jax.block_until_ready(ten(state["now"], key))

    return run
