"""A program that uses the page, in a process of its own: `programs.py ADDRESS FOLDER FILE STRENGTH`.

Prints the path of a copy of what was made, or what is wrong. FILE may be an address.
"""

import sys

from gradio_client import Client, handle_file


def main() -> None:
    address, folder, file, strength = sys.argv[1:]
    client = Client(address, verbose=False, download_files=folder)
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/make"]
    given = {"path": file, "meta": {"_type": "gradio.FileData"}} if "://" in file else handle_file(file)
    try:
        print(client.predict(given, float(strength), api_name="/make"))
    except Exception as error:
        print(error)


if __name__ == "__main__":
    main()
