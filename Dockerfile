# The tag moves with Python's and Debian's fixes; pin a digest (name:tag@sha256:...) in your build.
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
COPY requirements.txt .
# The environment has no pip of its own.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary :all: -r requirements.txt

FROM ${PYTHON}
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Nothing in the image installs packages.
RUN python -m pip uninstall --yes --quiet pip
COPY --from=build /venv /venv
WORKDIR /app
COPY hooks/ hooks/
ARG REVISION=unknown
ENV REVISION=$REVISION
# By number, as runAsNonRoot can't check a name.
USER 65532:65532
EXPOSE 8080 8081 8083
CMD ["gunicorn", "-c", "hooks/gunicorn_conf.py", "hooks.wsgi:app"]
