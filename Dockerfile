# The tag moves with Python's and Debian's fixes; pin a digest (name:tag@sha256:...) in your build.
ARG PYTHON=python:3.13-slim-trixie

# The build compiles bytecode, because the running container can't write files. Python does not compare
# this bytecode with the time of the source, because builders round the time differently.
FROM ${PYTHON} AS build
COPY requirements.txt .
# The environment contains no pip.
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --no-compile --require-hashes --only-binary :all: -r requirements.txt \
 && python -m compileall -q --invalidation-mode unchecked-hash /venv
COPY hooks/ /app/hooks/
# Every user can read the files, with any umask of the builder.
RUN chmod -R a+rX /app && python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${PYTHON}
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Nothing in the image installs packages. The base has no bytecode.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
 && python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ARG REVISION=unknown
ENV REVISION=$REVISION
ARG VERSION=unknown
LABEL org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.licenses=MIT
# A number, because runAsNonRoot can't check a name.
USER 65532:65532
EXPOSE 8080 8081 8083
CMD ["gunicorn", "-c", "hooks/gunicorn_conf.py", "hooks.wsgi:app"]
