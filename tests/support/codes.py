"""A camera that reads QR codes on a page in a browser."""

import io

import pytest
from PIL import Image

CODE = "img[alt^='QR code of']"


def read_code(locator):
    """The text of the code in a photograph of an element."""
    zxingcpp = pytest.importorskip("zxingcpp", reason="zxing-cpp is not installed")
    locator.scroll_into_view_if_needed()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(locator.screenshot())))
    return code.text
