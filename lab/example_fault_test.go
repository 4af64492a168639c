package lab_test

import (
	"context"
	"fmt"
	"log"

	"hostlab/lab"
	"hostlab/lab/fault"
)

// Exactly two requests are lost, and then the network parts. A fault is data;
// what is broken can be listed, and mended.
func ExampleLab_Partition() {
	ctx := context.Background()
	t, err := lab.Load(ctx, "../compose.yaml")
	if err != nil {
		log.Fatal(err)
	}
	l, err := lab.Start(ctx, t, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	lost := fault.Drop{Proto: fault.UDP, Port: 1060, First: 2}
	if err := l.Host("guinness").Fault(ctx, lost); err != nil {
		log.Fatal(err)
	}
	if err := l.Partition(ctx, []string{"laptop"}, []string{"guinness", "stranger"}); err != nil {
		log.Fatal(err)
	}
	broken, err := l.Faults(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range broken {
		fmt.Println(b.Host, b.What, b.Taken)
	}
	if err := l.ClearFaults(ctx); err != nil {
		log.Fatal(err)
	}
}
