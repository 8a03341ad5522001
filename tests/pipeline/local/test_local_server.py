import socket

from pipeline.local import server


def test_the_socket_is_one_on_which_asyncio_does_not_wait():
    with server.listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
