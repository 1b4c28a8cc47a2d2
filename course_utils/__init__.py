"""The reference implementation of the course, and what runs the course.

The text, in reading order. Each file imports only files above it:

    embedding.py   a time step becomes a vector
    blocks.py      ConvBlock, and the layers that halve and double a picture
    attention.py   every pixel looks at every other: the variants
    cross_attention.py  a picture looks at labels or words
    encoder.py     the left side of the U: image -> (bottom, skips)
    decoder.py     the right side of the U: (bottom, skips) -> image
    unet.py        the whole network
    attention_unet.py  attention for a network that was trained without it
    grown_unet.py  the same, grown: FiLM blocks, attention, labels
    published.py   loading the weights of published networks
    res_unet.py    the two sides of the U that the next two networks share
    ddpm_unet.py   DDPM's U-Net, that of Analytic Diffusion Studio
    sigma_unet.py  smalldiffusion's U-Net
    dit.py         a small transformer, to compare them with
    schedule.py    how much noise at which step
    diffusion.py   adding noise, taking it out, the training loss
    samplers.py    from noise to pictures: DDPM, DDIM, and a family of both
    straight.py    straight lines from noise to pictures: flow matching, reflow
    data.py        digits, MNIST, Fashion-MNIST, CIFAR-10
    precision.py   training with numbers of 16 bits
    recompute.py   less memory for more time
    memory.py      how much memory a training step takes, and how much is free
    waiting.py     what makes a program wait for its GPU
    averaging.py   the average of the weights over the last steps
    run.py         the settings of a training run, and its state
    files.py       files that are whole or not there
    checkpoint.py  a training run in a file, to go on from
    training.py    the training loop
    covariance.py  sets of pictures as rows of numbers, and how these vary together
    wiener.py      the best linear denoiser
    ideal.py       the best denoiser of all, if there were only the training set
    denoisers.py   one call for all denoisers, and two of them together
    fields.py      directions from a network that predicts v, bent paths, repaired sketches
    classifier.py  a small network that tells the pictures apart
    quality.py     are the samples any good?

The workshop may import the text; the text never imports it:

    checks/        the exercises and the engine that checks them
    shapes/        what shape has what, and what met what when it fails
    plots/         tensors in, matplotlib figure out
    widgets/       the sliders of the notebooks
    colab.py       where a notebook runs, and what it can afford there
    drive.py       where the reader's files lie, and what to do when Google Drive fails
    parts.py       what the reader's file my_unet.py is made of
    portfolio.py   the reader's own parts, kept from notebook to notebook
    keeping.py     the reader's trained network, and how good it has become
    ablation.py    a trained network without one of its parts
    weights/       the course's own trained network, where the reader has none yet
    trained.py     the networks that the shell trains, and one out of its folder
    page/          one HTML file in which a trained network draws
    shell.py       checks and hints from a shell
    runs.py        training runs from a shell: train, reflow, sample, score, page
    __main__.py    what can be run from a shell

The letters in the shapes, everywhere in the course:

    B  images in a batch        H, W  height and width in pixels
    C  channels of a picture    D     width of the time embedding
    K  channels after a layer   T     number of noise steps
    N  number of images or vectors in a set
    M  tokens of a context, such as labels       E  numbers in each of them
"""
