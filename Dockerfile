# One image for a server and for Lambda:
#   docker run -p 8000:8000 spotter                                    serves on 8000
#   (Lambda) command override: python -m awslambdaric app.aws.handler  see the README
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
COPY models/__init__.py models/
ARG EXTRAS=heif
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --no-cache-dir ".[${EXTRAS}]" \
    && /venv/bin/python -m pip uninstall --yes spotter pip

FROM python:${PYTHON}-slim
# Path, in the build context, of the ONNX file to serve.
ARG MODEL=models/default.onnx
WORKDIR /srv/spotter
COPY --from=build /venv /venv
COPY app/ app/
COPY ${MODEL} models/default.onnx
RUN useradd --system --uid 10001 --no-create-home spotter \
    && python -m compileall -q app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000
USER spotter
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % os.environ['PORT'], timeout=2)"]
CMD ["python", "-m", "app"]
