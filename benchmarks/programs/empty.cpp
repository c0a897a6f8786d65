// The floor under starting plyroot: a C++ program that does nothing.
int main() {}
