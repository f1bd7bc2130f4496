/** The example on TeleSign's page "Number Masking API - Obtain Transaction Status Results". */
const documented = {
  submit_timestamp: "2018-02-12T14:57:11.765723",
  from_phone_number: "15551234",
  mo_message: "I am standing at the corner wearing a blue shirt",
  mo_reference_id: "SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N",
  session_reference_id: "B5862A14363C016C8832D53625270015",
  to_phone_number: "15554567",
};

// Phone numbers reserved for fiction, so that none belongs to a person.
const ride = session("5D1F0C7A92B84E33A6C01B7E4F2D9A10", "12025550134", "12025550178");
const sofa = session("A07B3E91C4D24F6F8E55D2109B7C6E21", "442079460107", "442079460182");
const flat = session("3C8E6F20B1A94D7790FE1C5A7D3B2E32", "33199005521", "33199005547");
const parcel = session("E94A7D5513C04B28B6F2A80D6C1E9F43", "15555550161", "15555550119");

/** The texts from before the page was opened. `ago` is in minutes. */
const earlier = [
  sofa.a("Hi, is the green sofa still available?", { ago: 46 }),
  sofa.b("It is! Do you want to come and see it?", { ago: 44 }),
  sofa.a("Yes please. Does it come apart? Our staircase is rather narrow", { ago: 43 }),
  sofa.b("The legs unscrew and the back lifts off. 88 cm at its widest", { ago: 41 }),
  flat.a("Bonjour, je suis intéressée par la visite de samedi", { ago: 33 }),
  flat.b("Bonjour ! Samedi à 11 h, cela vous irait ?", { ago: 31 }),
  parcel.a("مرحبا، أنا عند الباب الأمامي ومعي الطرد", { ago: 12 }),
  parcel.b("شكرا! سأنزل خلال دقيقتين 🙏", { ago: 11 }),
  parcel.a("تمام، أنا في الانتظار بجانب المصعد", { ago: 10, deliveries: 2 }),
  ride.a("Hi, this is your driver. I am turning into Elm Street now", { ago: 3 }),
  ride.b("Great, I will be outside in a minute", { ago: 2 }),
];

/** Texts sent while the page is open. `after`: seconds since the previous one. */
const live = [
  ride.b("I am at the corner by the bakery, blue shirt", { after: 3 }),
  ride.a("I see the bakery, but a lorry is in the way. One moment", { after: 4 }),
  ride.b("👍", { after: 2 }),
  flat.a("Parfait, merci. Y a-t-il un ascenseur ?", { after: 4 }),
  ride.a("White car, plate ends in 42", { after: 3, deliveries: 2 }),
  sofa.a("88 fits! Could I come by tonight around seven?", { after: 5 }),
  flat.b("Oui, et une cave aussi. Le code de l'entrée vous sera envoyé vendredi.", { after: 4 }),
  ride.b("Got it, I can see you", { after: 3 }),
  sofa.b("Seven works. It is the house with the red door, second bell", { after: 5 }),
  // Not a text, so it is rejected: TeleSign lets several of its services share one address.
  { after: 3, report: { reference_id: ride.id, status: { code: 200, description: "Delivered" } } },
  ride.a("Thanks for the quick spot, have a good day!", { after: 6 }),
  sofa.a("Perfect. Cash all right, or would you rather have a bank transfer?", { after: 5 }),
  flat.a("Super, à samedi alors 🙂", { after: 6 }),
  sofa.b("Cash is fine. See you then!", { after: 6 }),
  parcel.b("وصل الطرد، شكرا جزيلا", { after: 5, deliveries: 2 }),
  ride.b("You too!", { after: 7 }),
];

function session(id, one, other) {
  const line = (from, to) => (text, timing) => ({ session: id, from, to, text, ...timing });
  return { id, a: line(one, other), b: line(other, one) };
}

module.exports = { documented, earlier, live };
