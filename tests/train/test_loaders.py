"""A Trainer on batches of one's own, on discriminators of labels and of patches, and sampling in train mode."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot, softplus
from torch.utils.data import DataLoader, TensorDataset

from ganlab import nets
from ganlab.data import Dataset
from ganlab.latent import Apart, Conditional, join, labelled
from ganlab.population import Population, build
from ganlab.train import LoaderStream, Recipe, Trainer

PICTURES = torch.rand(50, 1, 8, 8) * 2 - 1
LABELS = torch.arange(50) % 3


def loader(batch: int = 16, workers: int = 0, **options) -> DataLoader:
    return DataLoader(TensorDataset(PICTURES, LABELS), batch_size=batch, num_workers=workers, **options)


def small(shape=(1, 8, 8)):
    return nets.mlp_generator(shape, latent=4, width=8), nets.mlp_discriminator(shape, width=8)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_come_in_the_loaders_order_and_the_short_last_one_is_left_out(workers):
    stream = LoaderStream(loader(workers=workers), latent=4, batch=16, seeds=0)
    found = [stream.next()[0][0] for _ in range(7)]
    expected = [PICTURES[16 * (i % 3) :][:16] for i in range(7)]  # three whole batches an epoch
    assert all(map(torch.equal, found, expected))


def test_members_get_batches_of_their_own_and_the_latents_of_their_seed():
    (real, z), (second, _) = LoaderStream(loader(), latent=4, batch=16, seeds=[7, 8], critic_steps=2).next()
    assert torch.equal(real, torch.stack([PICTURES[:16], PICTURES[16:32]]))
    assert torch.equal(second, torch.stack([PICTURES[32:48], PICTURES[:16]]))
    alone = LoaderStream(loader(), latent=4, batch=16, seeds=8).next()[0][1]
    assert torch.equal(z[1], alone)


@pytest.mark.parametrize("capture", [True, False])
def test_a_trainer_trains_on_a_loader_as_by_hand(capture):
    torch.manual_seed(0)
    G, D = small()
    ours = Trainer(copy.deepcopy(G), copy.deepcopy(D), loader(), Recipe(batch=16, lr_g=1e-3, lr_d=1e-3), seeds=5)
    ours.fit(50, capture=capture, progress=False)
    generator = torch.Generator().manual_seed(2**32 + 5)
    step_g, step_d = (torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999)) for net in (G, D))
    for i in range(50):
        real, fake = PICTURES[16 * (i % 3) :][:16], G(torch.randn(16, 4, generator=generator))
        step_d.zero_grad()
        (softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()).backward()
        step_d.step()
        step_g.zero_grad()
        softplus(-D(fake)).mean().backward()
        step_g.step()
    torch.testing.assert_close(ours.G.state_dict(), G.state_dict(), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(ours.D.state_dict(), D.state_dict(), rtol=1e-3, atol=1e-5)


def test_a_run_on_a_loader_goes_on_from_a_checkpoint(tmp_path):
    def run(steps):
        torch.manual_seed(0)
        trainer = Trainer(*small(), loader(), Recipe(batch=16), seeds=1)
        return trainer.fit(steps, progress=False, checkpoint=tmp_path / "run.pt", checkpoint_every=3)

    run(6)
    resumed, whole = run(9), Trainer(*small(), loader(), Recipe(batch=16), seeds=1)
    torch.manual_seed(0)
    whole = Trainer(*small(), loader(), Recipe(batch=16), seeds=1).fit(9, progress=False)
    assert resumed.steps == 9
    # six steps are two epochs, so that a new one begins in both
    torch.testing.assert_close(resumed.G.state_dict(), whole.G.state_dict(), rtol=0, atol=0)
    copied = copy.deepcopy(resumed)
    assert copied.fit(12, progress=False).steps == 12


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        (loader(8), ValueError, r"batches of \[2, 8\] samples, and the recipe has batch=16"),
        (iter([PICTURES[:16]] * 2), ValueError, "an iterable that can be begun anew"),
        ([(PICTURES[:16] * 127).byte()], TypeError, "the loader gives torch.uint8: convert to floats first"),
        ([{"images": PICTURES[:16]}], TypeError, "the loader gives a dict"),
        (PICTURES, TypeError, "data is a Tensor: give a ganlab.data.Dataset"),
        (None, TypeError, "data is a NoneType"),
    ],
)
def test_what_is_no_loader_is_refused_by_name(data, error, said):
    with pytest.raises(error, match=said):
        Trainer(*small(), data, Recipe(batch=16)).fit(3, progress=False)


class Embedding(nn.Module):
    """A discriminator of points and labels, as people write them."""

    def __init__(self):
        super().__init__()
        self.of_x, self.of_label = nn.Linear(64, 8), nn.Embedding(3, 8)

    def forward(self, labels, x):
        return (self.of_x(x.flatten(1)).relu() * self.of_label(labels)).sum(1)


class EmbeddingG(nn.Module):
    def __init__(self):
        super().__init__()
        self.latent, self.shape = 4, (1, 8, 8)
        self.of_z, self.of_label = nn.Linear(4, 64), nn.Embedding(3, 64)

    def forward(self, z, labels):
        return torch.tanh(self.of_z(z) + self.of_label(labels)).reshape(-1, 1, 8, 8)


def with_labels() -> tuple[nn.Module, nn.Module]:
    D = Apart(Embedding(), 3, call=lambda net, x, labels: net(labels, x))
    return Conditional(Apart(EmbeddingG(), 3), 3), D


def test_apart_hands_over_samples_and_labels():
    _, D = with_labels()
    x, labels = PICTURES[:9], LABELS[:9]
    assert torch.equal(D(join(x, one_hot(labels, 3).float())), D.net(labels, x))
    with pytest.raises(ValueError, match="no channels are left in front of 3 labels"):
        D(torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize("penalty", [None, "r1", "wgan_gp"])
@pytest.mark.parametrize("source", ["dataset", "loader"])
def test_a_discriminator_that_takes_labels_is_trained(penalty, source):
    data = labelled(Dataset.from_images(PICTURES, labels=LABELS)) if source == "dataset" else loader()
    trainer = Trainer(*with_labels(), data, Recipe(batch=16, penalty=penalty))
    before = copy.deepcopy(trainer.D.net.of_label.weight)
    trainer.fit(5, progress=False)
    assert not torch.equal(trainer.D.net.of_label.weight, before)
    assert trainer.sample(6).shape == (6, 4, 8, 8)


def test_the_labels_of_a_loader_reach_the_discriminator():
    (real, _), = LoaderStream(loader(), latent=4, batch=16, seeds=0, labels=3).next()  # fmt: skip
    assert torch.equal(real, join(PICTURES[:16], one_hot(LABELS[:16], 3).float()))
    with pytest.raises(TypeError, match=r"labels=3: the loader gives no int64 labels \(16,\)"):
        LoaderStream([PICTURES[:16]], latent=4, batch=16, seeds=0, labels=3).next()


def patches() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 4, 2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 2))  # (batch, 1, 2, 2)


def test_the_loss_of_a_patch_discriminator_is_the_mean_over_all_patches():
    torch.manual_seed(0)
    trainer = Trainer(small()[0], patches(), loader(), Recipe(batch=16))
    ((real, z),) = trainer.stream.next()
    with torch.no_grad():
        on_real, on_fake = trainer.D(real), trainer.D(trainer.G(z))
    assert on_real.shape == (16, 1, 2, 2)
    row = trainer.play([(real, z)])
    expected = softplus(-on_real).mean() + softplus(on_fake).mean()
    torch.testing.assert_close(row[0], expected)
    torch.testing.assert_close(row[2:], torch.stack([on_real.mean(), on_fake.mean()]))


@pytest.mark.parametrize("loss", ["hinge", "relativistic"])
@pytest.mark.parametrize("more", [{}, {"unroll": 2}, {"noise": "constant"}])
def test_populations_of_patch_discriminators_train_as_their_members_do(loss, more):
    recipe = Recipe(loss=loss, batch=16, lr_g=1e-3, lr_d=1e-3, **more)
    data = Dataset.from_images(PICTURES)
    G, D = build(lambda: small()[0], patches, [0, 1])
    trainer = Trainer(G, D, data, recipe, seeds=[0, 1]).fit(5, progress=False)
    alone = Trainer(*build(lambda: small()[0], patches, 1), data, recipe, seeds=1).fit(5, progress=False)
    for name, value in alone.D.state_dict().items():
        torch.testing.assert_close(trainer.D.member(1).state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_samples_in_train_mode_have_the_statistics_of_their_batch_and_change_nothing():
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(4, 64), nn.BatchNorm1d(64, affine=False), nn.Dropout(0.5), nn.Unflatten(1, (1, 8, 8)))
    G.latent = 4
    trainer = Trainer(G, small()[1], loader(), Recipe(batch=16)).fit(3, progress=False)
    before, state = copy.deepcopy(G.state_dict()), torch.get_rng_state()
    G[2].p = 0.0
    found = trainer.sample(100, mode="train")
    torch.testing.assert_close(found.mean(0), torch.zeros(1, 8, 8), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.var(0, unbiased=False), torch.ones(1, 8, 8), rtol=0, atol=1e-2)
    assert not torch.allclose(found, trainer.sample(100))
    G[2].p = 0.5
    assert (trainer.sample(100, mode="train") == 0).any(), "dropout is on"
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(G.state_dict(), before, rtol=0, atol=0)
    assert G.training
    with pytest.raises(ValueError, match="mode='training': 'eval' or 'train'"):
        trainer.sample(3, mode="training")


def test_a_population_samples_in_train_mode_too():
    members = [nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, affine=False)) for _ in range(2)]
    for member in members:
        member.latent = 4
    G = Population(members)
    D = Population([nets.mlp_discriminator((3,), width=4) for _ in range(2)])
    data = Dataset("points", (3,), samples=torch.randn(64, 3))
    found = Trainer(G, D, data, Recipe(batch=16), seeds=[0, 1]).sample(50, mode="train")
    torch.testing.assert_close(found.mean(1), torch.zeros(2, 3), rtol=0, atol=1e-5)
