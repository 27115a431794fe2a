import{p as a,q as b}from"./part-SFGDRLG5.js";import"./part-VYAJTB3R.js";import"./part-K4SABGCS.js";export{b as ConversationList,a as ListOfLinks};
