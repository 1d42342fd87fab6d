import { randomBytes } from "../../runtime-native/index.js";

const MOODS = `able agile amber ample bold brave breezy bright brisk calm candid careful cheerful clear clever coastal cool
  cordial daring dazzling deft eager early earnest easy even fair fearless fine firm fleet fond frank free fresh gallant
  gentle glad golden graceful grand happy hardy hearty helpful honest hopeful jolly jovial keen kind lively loyal lucid lucky
  mellow merry mighty modest neat nimble noble patient placid plucky polite proud quick quiet ready robust salty serene sharp
  silent sincere smart snug spry steady stoic sturdy sunny swift tender tidy trusty upbeat vivid warm wise witty zesty`;

/** People of the sea, of maps and of machines. */
const SURNAMES = `abbas adams albrecht amundsen anning aryabhata babbage baret bassi beaufort bering boole bouvet bowditch brahe
  cabot cassini cavendish chung cook cousteau curie dampier darwin dijkstra drake earhart euler fermi flinders franklin fresnel
  galileo galvani gama germain goddard halley harrison hawking heyerdahl hopper hypatia ibnmajid johnson joule kepler lamarr
  laperouse lovelace magellan marconi maury maxwell meitner mercator munk nansen naude newton noether nobile pascal piccard
  ptolemy pytheas ride ritchie ross scoresby shackleton slocum snell somerville tasman tereshkova tesla tharp torvalds turing
  vespucci vinci volta wegener wilkins wu zhenghe zuse`;

const moods = MOODS.split(/\s+/);
const surnames = SURNAMES.split(/\s+/);

/** `mood_surname`, as Docker names containers; from the third attempt on with a number, so that there are always free ones. */
export function generateName(attempt: number): string {
  const name = `${moods[randomBelow(moods.length)] ?? ""}_${surnames[randomBelow(surnames.length)] ?? ""}`;
  return attempt < 2 ? name : `${name}${String(randomBelow(10 ** Math.min(attempt, 9)))}`;
}

/** Names need no even spread. */
function randomBelow(limit: number): number {
  return randomBytes(4).readUInt32LE() % limit;
}
