#!/bin/sh
# Founds the network of compose.yaml: four hospitals, each with a volume of its own, and the ceremony between them. All in one
# hand, for trying it out: real hospitals each run `init` at home and give away nothing but their member.json.
#
# found.sh DIRECTORY [PORT [OWNER]]: makes DIRECTORY/hospital-1 to hospital-4, whose nodes find each other by these names at the
# port, and gives them to the owner (user:group).
set -eu

directory=$1
port=${2:-4001}
owner=${3:-}

if [ -e "$directory/hospital-4/genesis.cbor" ]; then
  echo "the network is there already"
  exit 0
fi

for k in 1 2 3 4; do
  # Containers have no terminal to ask for a passphrase; the volume is as safe as the machine.
  vitalchain init --data-dir "$directory/hospital-$k" --name "Hospital $k" --no-passphrase \
    --listen "/ip4/0.0.0.0/tcp/$port" --announce "/dns4/hospital-$k/tcp/$port"
done
vitalchain genesis create "$directory"/hospital-*/member.json --name "compose network" \
  --out "$directory/hospital-1/network.json"
for k in 1 2 3 4; do
  vitalchain genesis accept "$directory/hospital-1/network.json" --data-dir "$directory/hospital-$k"
done
[ -z "$owner" ] || chown -R "$owner" "$directory"/hospital-*
