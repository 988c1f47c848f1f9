"""Programs that use the page, in a process of their own: `programs.py ADDRESS FOLDER FILE STRENGTH…`.

Each strength is one program's; all ask at once. Prints a line for each, in their order: the path of a copy of what was
made, or what is wrong. FILE may be an address.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gradio_client import Client, handle_file


def main() -> None:
    address, folder, file, *strengths = sys.argv[1:]
    clients = [Client(address, verbose=False, download_files=str(Path(folder) / strength)) for strength in strengths]
    given = {"path": file, "meta": {"_type": "gradio.FileData"}} if "://" in file else handle_file(file)

    def ask(client: Client, strength: str) -> str:
        try:
            return client.predict(given, float(strength), api_name="/make")
        except Exception as error:
            return str(error)

    with ThreadPoolExecutor(len(clients)) as threads:
        print("\n".join(threads.map(ask, clients, strengths)))
    assert list(clients[0].view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/make"]


if __name__ == "__main__":
    main()
