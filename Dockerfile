# gantk on a CPU, with the versions that it was tested with (constraints.txt):
#   docker build -t gantk .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" gantk run toy_motif
# Apptainer, from that image:  apptainer build gantk.sif docker-daemon://gantk:latest
FROM python:3.11-slim-bookworm
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY gantk gantk
COPY plugins plugins
COPY recipes recipes
# PyTorch's index has builds for the CPU alone; PyPI's bring some gigabytes of CUDA.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
      --constraint constraints.txt "torch==2.13.0+cpu" . \
 && rm -rf /src
ENV HOME=/tmp
WORKDIR /work
ENTRYPOINT ["gantk"]
CMD ["--help"]
