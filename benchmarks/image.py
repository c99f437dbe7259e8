"""image-fit on the built-in astronaut at 256 x 256, SIREN and Fourier features, default knobs: PSNR and time."""

from record import record

from pinnscene.problems.image_fit import ImageFit


def main() -> None:
    """Fit with each preset."""
    rows = []
    for backbone in ("siren", "fourier"):
        solution = ImageFit().solve(backbone=backbone)
        rows.append({
            "backbone": backbone, "PSNR asked, dB": 34.0, "seconds asked": 60.0,
            "PSNR, dB (on the pixels fitted)": solution.metrics["psnr"], "SSIM": solution.metrics["ssim"],
            "seconds": solution.seconds, "steps": solution.steps, "parameters": solution.parameters,
        })  # fmt: skip
        print(rows[-1], flush=True)
    bias = {"image": "checkerboard", "side": 128}
    for backbone in ("mlp", "fourier"):
        knobs = {"field": {"activation": "relu"}} if backbone == "mlp" else {}
        solution = ImageFit(**bias).solve(backbone=backbone, knobs=knobs, steps=1000)
        rows.append({"backbone": f"checkerboard, {'plain relu mlp' if backbone == 'mlp' else backbone}",
                     "PSNR, dB (on the pixels fitted)": solution.metrics["psnr"], "SSIM": solution.metrics["ssim"],
                     "seconds": solution.seconds, "steps": solution.steps,
                     "parameters": solution.parameters})  # fmt: skip
        print(rows[-1], flush=True)
    record("image", rows)


if __name__ == "__main__":
    main()
