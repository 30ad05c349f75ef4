"""What every storage of the library has to do: the same tests over each of them."""
