# docker build -t pix2pix .
# docker build -t pix2pix --build-arg EXTRAS=web,cuda .    # for NVIDIA GPUs; run it with --gpus all
# docker run --rm --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" -v "$PWD:/work" pix2pix \
#     pix2pix-colorize PHOTO_OR_FOLDER… --out colorized
# docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:7860:7860 pix2pix pix2pix-page --host 0.0.0.0
FROM python:3.12-slim AS build
ARG EXTRAS=web
COPY . /source
RUN python -m venv /opt/pix2pix \
    && /opt/pix2pix/bin/pip install --no-cache-dir "/source[$EXTRAS]" \
    && /opt/pix2pix/bin/pip uninstall --yes pip

FROM python:3.12-slim
COPY --from=build /opt/pix2pix /opt/pix2pix
COPY train.py /opt/pix2pix/
COPY configs /opt/pix2pix/configs
# Nothing but /tmp and what is mounted is written, by whatever user.
ENV PATH=/opt/pix2pix/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
WORKDIR /work
CMD ["pix2pix-colorize", "--help"]
