# One image, two uses:
#   docker build -t spotter . && docker run --rm -p 8000:8000 spotter
#     serves on http://localhost:8000/
#   On Lambda the image's command is overridden: python -m awslambdaric app.aws.handler
ARG PYTHON=3.13
# Path, in the build context, of the ONNX file to serve.
ARG MODEL=models/default.onnx

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=aws,heif,lambda,tracing
# OPENVINO=1 is for SPOTTER_PROVIDERS=openvino: its build of ONNX Runtime, for amd64 alone.
ARG OPENVINO=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /srv/spotter
# Versions and hashes are those of deploy/locks (make lock). Tests, tools and AWS services that are
# never called are deleted from the packages.
COPY deploy/locks/ /locks/
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-compile --only-binary :all: --no-deps \
        --require-hashes $(for part in common server $(echo "$EXTRAS" | tr , ' '); do \
            echo "--requirement /locks/$part.txt"; done) \
    && if [ -n "$OPENVINO" ]; then \
        python -m pip --python /venv/bin/python uninstall --yes onnxruntime \
        && python -m pip --python /venv/bin/python install --no-compile --only-binary :all: \
            --no-deps --require-hashes --requirement /locks/openvino.txt; fi \
    && python -m pip --python /venv/bin/python check \
    && find /venv -type d \( -name tests -o -path '*/onnxruntime/quantization' \
        -o -path '*/onnxruntime/tools' -o -path '*/onnxruntime/transformers' \) \
        -prune -exec rm -rf {} + \
    && find /venv -path '*/botocore/data/*' -prune -type d ! \( -name dynamodb -o -name events \
        -o -name s3 -o -name sqs -o -name sts -o -name signin -o -name 'sso*' \) \
        -exec rm -rf {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /venv/lib
COPY LICENSE ./
COPY app/ app/
ARG MODEL
COPY ${MODEL} ${MODEL}
# Every user can read the files, whatever the umask of the checkout.
RUN python -m compileall -q --invalidation-mode checked-hash app \
    && chmod -R u=rwX,go=rX .

FROM python:${PYTHON}-slim
# The base comes without bytecode, and a read-only container would compile at every start.
RUN python -m compileall -q --invalidation-mode unchecked-hash -x site-packages \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ARG MODEL
WORKDIR /srv/spotter
COPY --from=build /venv /venv
COPY --from=build /srv/spotter/LICENSE ./
COPY --from=build /srv/spotter/${MODEL} ${MODEL}
COPY --from=build /srv/spotter/app/ app/
# Otherwise ONNX Runtime reports to its maker and stores an identifier of the machine.
ENV ORT_DISABLE_TELEMETRY=1 \
    PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    SPOTTER_MODEL=/srv/spotter/${MODEL}
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % os.environ['PORT'], timeout=3)"]
CMD ["python", "-m", "app"]
