# Makes the report on the embedded corpus, and serves it:
#   docker build -t burst2vec .
#   docker run --rm -p 8000:8000 burst2vec
# and then open http://localhost:8000.
FROM python:3.11-slim

RUN apt-get update \
 && apt-get install --yes --no-install-recommends git make \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home reader && mkdir /home/reader/burst2vec && chown reader /home/reader/burst2vec
USER reader
WORKDIR /home/reader/burst2vec
COPY --chown=reader . .

# Without CUDA an image is gigabytes smaller: --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG PIP_EXTRA_INDEX_URL
RUN make report

EXPOSE 8000
CMD ["python", "-m", "http.server", "--directory", "_build/html", "8000"]
