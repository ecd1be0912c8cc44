"""What one client, and all of them together, may ask of the service."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Each is answered with its own status when it is reached (docs/serve.md has the table).

    Attributes:
        max_bytes: of a request that is no video.
        max_pixels: of a picture, or a frame of a video.
        max_boxes: of one picture.
        max_images: of one KServe request.
        max_video_bytes: of a video.
        max_frames: of a video.
        max_seconds: of a video, in its own time.
        max_videos: at once.
        max_queue: pictures that wait for the engine, of all clients.
        max_held: bytes of all request bodies in memory.
        max_connections: open at once.
        head_seconds: for the line and headers of a request.
        upload_seconds: for the body of a request that is no video; of a video's, or of an answer that the client does
            not take, the longest pause.
        answer_seconds: from the whole request to its answer; not of videos.
        drain_seconds: for what is under way when the service is asked to stop.
        max_batch: pictures that the engine is given in one go.
        batch_wait: seconds that the engine waits for pictures which are on their way, when others already are in its
            batch or came just before.
    """

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_boxes: int = 100
    max_images: int = 16
    max_video_bytes: int = 500_000_000
    max_frames: int = 20_000
    max_seconds: float = 600.0
    max_videos: int = 2
    max_queue: int = 64
    max_held: int = 500_000_000
    max_connections: int = 256
    head_seconds: float = 10.0
    upload_seconds: float = 30.0
    answer_seconds: float = 60.0
    drain_seconds: float = 30.0
    max_batch: int = 16
    batch_wait: float = 0.002
