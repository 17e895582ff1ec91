# The dashboard for visitors. Build: docker build -t gradient-flow-lab . Run: docker run -p 8501:8501 gradient-flow-lab
# The base is one image for each processor, the same each time: docs/hosting.md says how to take a newer one.
FROM python:3.11.17-slim@sha256:45037981b62b34b44602584fccbc4d884d5f7dc92c7ee86bb38a698a79fe1e51

RUN useradd --create-home --uid 1000 lab
WORKDIR /app

# Requirements first: they change seldom, and this layer is then kept.
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY app.py asgi.py LICENSE ./
COPY .streamlit .streamlit
COPY core core
COPY ui ui
COPY pages pages
COPY scenes scenes

# Machine code for this processor, into the image; on another one the server compiles before its first visitor.
RUN python -m core.compiled

USER lab
ENV PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true
EXPOSE 8501

# Slim images have no curl. 503, a training that stands still, is an HTTPError and so a failure too.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz', timeout=8)"]

CMD ["python", "-m", "streamlit", "run", "asgi.py"]
