"""Stage 6: a file that runs anywhere and says where it comes from."""
