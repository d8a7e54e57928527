"""A shop under load while its processes are killed, its connections cut, its disk filled and its clock moved."""
