"""A checkerboard fitted by a plain relu network and with Fourier features: writes spectral-bias.png."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pinnscene.problems.image_fit import ImageFit
from pinnscene.render.picture import sample

problem = ImageFit(image="checkerboard", side=128)
figure = Figure(figsize=(9, 3.4), layout="constrained")
FigureCanvasAgg(figure)
axes = figure.subplots(1, 3)
axes[0].imshow(problem.picture.pixels.squeeze(), cmap="gray")
axes[0].set_title("target")
for ax, backbone, field in ((axes[1], "mlp", {"activation": "relu"}), (axes[2], "fourier", {})):
    solution = problem.solve(backbone=backbone, steps=1000, knobs={"field": field})
    ax.imshow(sample(solution.field, problem.domain, problem.picture.size).squeeze(), cmap="gray", vmin=0, vmax=1)
    ax.set_title(f"{'relu mlp' if backbone == 'mlp' else 'Fourier features'}: {solution.metrics['psnr']:.1f} dB")
for ax in axes:
    ax.axis("off")
figure.savefig("spectral-bias.png", dpi=100)
