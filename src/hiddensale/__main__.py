from hiddensale.cli import main

main(prog_name="hiddensale")
