"""Parts of a page that run in the browser: Streamlit components whose scripts this server serves itself."""
