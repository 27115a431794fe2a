import{p as a,q as b}from"./part-6W4TAGEP.js";import"./part-VOHWMFCK.js";import"./part-K4SABGCS.js";export{b as ConversationList,a as ListOfLinks};
