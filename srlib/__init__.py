"""srlib: the small library behind *Super-Resolution, Hands On*.

A photo's natural path through it is the reading order of the package:

    images.load -> degrade -> sampling -> models -> train -> metrics -> figures

Importing ``srlib`` does nothing but define this text and the version; import the module you need
(``from srlib import images, metrics``). Tensors are float32, ``(N,) C, H, W``, with values in [0, 1]
at every public boundary.

All modules, in an order in which each needs only those above it:

The ground
    checks         what every public function says of a wrong picture
    paths          where the course's files, photos and trainings lie
    interruptions  Ctrl-C that waits for the end of a step
    devices        where a network computes: processor or GPU
    threads        how many threads a step gets
    checkpoints    a training on disk, whole or refused
    parallel       one training shared by several processes

Photos, and what happens to them
    images         pictures in and out of files; RGB and Y
    resize         MATLAB's imresize, to the last digit
    synthetic      drawn pictures: training data without a licence
    download       fetched, checked, unpacked
    datasets       sets of photos by name
    motion         kernels of shaken cameras, streaks of rain
    degrade        what stands between the scene and the file
    sampling       training patches out of photos

Good and bad
    metrics        PSNR and SSIM, and the protocols of the papers
    losses         what training minimises
    perceptual     features of a network that knows things
    naturalness    a score without the original
    classical      enlarging before learning
    figures        charts and pictures for page, slide and screen reader

Networks
    models         one paper a file; its own text has their order
    tiling         pictures of any size, in pieces, without seams
    recipes        everything a training depends on
    weights        trained networks, with their cards
    papers         what was published
    ledger         what was measured
    starts         first weights
    fingerprints   what a network is made of, and what it draws
    graphs         a network without its numbers, for the website
    export         ONNX files, and fewer bits

Training
    knobs          what may be changed between two steps
    train          the training loop
    adversarial    the same with two players
    ownpairs       trainings on pairs that you bring
    benchmark      a network on a photo set under a protocol
    quoted         what a chapter may say of that
    campaign       the queue behind the shipped weights

For people
    enlarging      what ``srlib upscale`` does
    doctor         what is here, what is missing, and the remedy
    live           studio, explorers, comparisons, quizzes
    exercises      course content: the checks of each chapter, the museum's bugs
    sentences      errors of the command line
    cli            ``srlib``
    __main__       ``python -m srlib``
"""

__version__ = "1.0.0"
