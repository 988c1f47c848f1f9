"""Prepared sets of TFDS, once for all tests of a process."""

import pytest
from tfds_sets import Pix2pixOdd, Pix2pixPhotos, Pix2pixTrainOnly, Pix2pixValidation


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A folder of prepared sets."""
    folder = tmp_path_factory.mktemp("sets")
    for builder in (
        Pix2pixPhotos(data_dir=folder),
        Pix2pixTrainOnly(data_dir=folder, config="small"),
        Pix2pixValidation(data_dir=folder),
        *(Pix2pixOdd(data_dir=folder, config=config) for config in Pix2pixOdd.FEATURES),
    ):
        builder.download_and_prepare(file_format="array_record")
    return folder
