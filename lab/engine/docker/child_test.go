package docker

const childVariable = "HOSTLAB_TEST_CHILD"

func child(what string) int { return 2 }
